/* The table of functions, given to Node. The addon has no state of its own beside the handles. */
#include "functions.h"

#include <stddef.h>

/*
 * Found by name: a registration by constructor would bring in the C runtime's start files, which in Debian's cross
 * compiler are for ARMv7 also when building for ARMv6.
 */
NAPI_MODULE_EXPORT napi_value napi_register_module_v1(napi_env env, napi_value exports);

NAPI_MODULE_EXPORT int32_t node_api_module_get_api_version_v1(void);

napi_value napi_register_module_v1(napi_env env, napi_value exports) {
#define DESCRIBE(name, function) {#name, NULL, function, NULL, NULL, NULL, napi_enumerable, NULL},
  static const napi_property_descriptor TABLE[] = {FUNCTIONS(DESCRIBE)};
#undef DESCRIBE
  if (napi_define_properties(env, exports, sizeof TABLE / sizeof TABLE[0], TABLE) != napi_ok) return NULL;
  return exports;
}

int32_t node_api_module_get_api_version_v1(void) { return NAPI_VERSION; }
