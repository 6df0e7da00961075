/* Gives the table of functions to Node. The addon has no state other than the handles. */
#include "functions.h"

/*
 * Node finds these by name. Registration by a constructor would need the start files of the C runtime, and those of
 * Debian's cross compiler are ARMv7 code, also in a build for ARMv6.
 */
NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports);

NAPI_MODULE_EXPORT int32_t node_api_module_get_api_version_v1(void);

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
  for (size_t i = 0; i < FUNCTION_COUNT; i++) {
    const struct function *function = &FUNCTIONS[i];
    const napi_property_descriptor property = {
        .utf8name = function->name, .method = call_invoke, .attributes = napi_enumerable, .data = (void *)function};
    if (napi_define_properties(env, exports, 1, &property) != napi_ok) return NULL;
  }
  return exports;
}

int32_t node_api_module_get_api_version_v1(void) { return NAPI_VERSION; }
