#include "errors.h"

#include <stdbool.h>
#include <stdlib.h>

static bool set_string(napi_env env, napi_value object, const char *key, const char *text) {
  napi_value value;
  return napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value) == napi_ok &&
         napi_set_named_property(env, object, key, value) == napi_ok;
}

napi_value system_error(napi_env env, struct sys_result result, const char *path) {
  char name[SYS_ERROR_NAME_SIZE];
  size_t size = sys_message(result, path, NULL, 0) + 1;
  char *message = malloc(size);
  napi_value code, text, number, object = NULL;

  if (message == NULL) return NULL;
  sys_message(result, path, message, size);
  if (napi_create_string_utf8(env, sys_error_name(result.error, name), NAPI_AUTO_LENGTH, &code) != napi_ok ||
      napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &text) != napi_ok ||
      napi_create_error(env, code, text, &object) != napi_ok ||
      napi_create_int32(env, -result.error, &number) != napi_ok ||
      napi_set_named_property(env, object, "errno", number) != napi_ok ||
      !set_string(env, object, "syscall", result.syscall) ||
      (path != NULL && !set_string(env, object, "path", path))) {
    object = NULL;
  }
  free(message);
  return object;
}
