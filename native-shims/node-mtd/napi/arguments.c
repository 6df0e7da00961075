#include "arguments.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 2^53 - 1: the largest integer that a JavaScript number holds exactly. Kernel offsets are wider. */
#define MAX_SAFE_INTEGER INT64_C(9007199254740991)

static bool bad_argument(struct begin *b, size_t i, bool range, const char *wanted) {
  char text[160];
  napi_value code, message, error = NULL;
  snprintf(text, sizeof text, "argument %zu must be %s", i + 1, wanted);
  if (napi_create_string_utf8(b->env, range ? "ERR_OUT_OF_RANGE" : "ERR_INVALID_ARG_TYPE", NAPI_AUTO_LENGTH, &code) ==
          napi_ok &&
      napi_create_string_utf8(b->env, text, NAPI_AUTO_LENGTH, &message) == napi_ok) {
    (range ? napi_create_range_error : napi_create_type_error)(b->env, code, message, &error);
  }
  call_reject(b, error);
  return false;
}

static bool is_type(struct begin *b, napi_value value, napi_valuetype wanted) {
  napi_valuetype type;
  return napi_typeof(b->env, value, &type) == napi_ok && type == wanted;
}

/*
 * Without floating point: conversions to 64-bit integers take helpers of libgcc, and those of Debian's cross compiler
 * are ARMv7 code, also in a build for ARMv6.
 */
static bool integer(struct begin *b, size_t i, int64_t max, const char *wanted, int64_t *value) {
  napi_value back;
  bool exact = false;
  if (!is_type(b, b->argv[i], napi_number) || napi_get_value_int64(b->env, b->argv[i], value) != napi_ok) {
    return bad_argument(b, i, false, wanted);
  }
  if (napi_create_int64(b->env, *value, &back) != napi_ok ||
      napi_strict_equals(b->env, back, b->argv[i], &exact) != napi_ok || !exact || *value < 0 || *value > max) {
    return bad_argument(b, i, true, wanted);
  }
  return true;
}

bool arg_handle(struct begin *b, size_t i) {
  b->call->handle = handle_of_object(b->env, b->argv[i]);
  if (b->call->handle == NULL) return bad_argument(b, i, false, "a handle");
  b->handle_object = b->argv[i];
  return true;
}

bool arg_offset(struct begin *b, size_t i) {
  int64_t value;
  if (!integer(b, i, MAX_SAFE_INTEGER, "an offset: an integer from 0 to 2^53 - 1", &value)) return false;
  b->call->offset = (uint64_t)value;
  return true;
}

bool arg_length(struct begin *b, size_t i) {
  int64_t value;
  if (!integer(b, i, MAX_SAFE_INTEGER, "a length: an integer from 0 to 2^53 - 1", &value)) return false;
  b->call->length = (uint64_t)value;
  return true;
}

bool arg_leb(struct begin *b, size_t i) {
  int64_t value;
  if (!integer(b, i, INT32_MAX, "a LEB: an integer from 0 to 2^31 - 1", &value)) return false;
  b->call->leb = (int32_t)value;
  return true;
}

/* A resizable buffer could give up its pages while the call runs. */
static bool can_shrink(napi_env env, napi_value buffer) {
  napi_value value;
  bool resizable = false;
  return napi_get_named_property(env, buffer, "resizable", &value) != napi_ok ||
         (napi_get_value_bool(env, value, &resizable) == napi_ok && resizable);
}

bool arg_bytes(struct begin *b, size_t i) {
  bool is_array = false;
  napi_typedarray_type type;
  napi_value buffer;
  size_t length;
  void *data;
  if (napi_is_typedarray(b->env, b->argv[i], &is_array) != napi_ok || !is_array ||
      napi_get_typedarray_info(b->env, b->argv[i], &type, &length, &data, &buffer, NULL) != napi_ok ||
      type != napi_uint8_array || can_shrink(b->env, buffer)) {
    take_exception(b->env);
    return bad_argument(b, i, false, "a Uint8Array on a buffer of fixed size");
  }
  b->call->bytes = data;
  b->call->length = length;
  b->bytes_object = b->argv[i];
  return true;
}

bool arg_path(struct begin *b, size_t i) {
  static const char WANTED[] = "a path: a string that is not empty and has no NUL";
  size_t length;
  if (!is_type(b, b->argv[i], napi_string) ||
      napi_get_value_string_utf8(b->env, b->argv[i], NULL, 0, &length) != napi_ok) {
    return bad_argument(b, i, false, WANTED);
  }
  b->call->path = malloc(length + 1);
  if (b->call->path == NULL) {
    call_refuse(b, ENOMEM);
    return false;
  }
  if (napi_get_value_string_utf8(b->env, b->argv[i], b->call->path, length + 1, &length) != napi_ok || length == 0 ||
      strlen(b->call->path) != length) {
    return bad_argument(b, i, false, WANTED);
  }
  return true;
}

bool arg_flag(struct begin *b, size_t i) {
  if (napi_get_value_bool(b->env, b->argv[i], &b->call->flag) != napi_ok) {
    return bad_argument(b, i, false, "true or false");
  }
  return true;
}

bool arg_open_flags(struct begin *b, size_t i) {
  napi_value value;
  bool write, exclusive;
  if (!is_type(b, b->argv[i], napi_object) ||
      napi_get_named_property(b->env, b->argv[i], "write", &value) != napi_ok ||
      napi_get_value_bool(b->env, value, &write) != napi_ok ||
      napi_get_named_property(b->env, b->argv[i], "exclusive", &value) != napi_ok ||
      napi_get_value_bool(b->env, value, &exclusive) != napi_ok) {
    take_exception(b->env);
    return bad_argument(b, i, false, "an object with the booleans `write` and `exclusive`");
  }
  b->call->open_flags = (write ? DEVICE_WRITE : 0) | (exclusive ? DEVICE_EXCLUSIVE : 0);
  return true;
}
