#include "call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "errors.h"

/* 2^53 - 1: what a JavaScript number holds exactly. It is also below what off_t and the kernel's loff_t hold. */
#define MAX_SAFE_INTEGER INT64_C(9007199254740991)

static void call_free(napi_env env, struct call *call) {
  if (call->keep_handle != NULL) napi_delete_reference(env, call->keep_handle);
  if (call->keep_bytes != NULL) napi_delete_reference(env, call->keep_bytes);
  if (call->work != NULL) napi_delete_async_work(env, call->work);
  free(call->path);
  free(call);
}

/* Takes a pending exception, if there is one, so that it can be what the promise rejects with. */
static napi_value pending_exception(napi_env env) {
  bool pending = false;
  napi_value error = NULL;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending) {
    napi_get_and_clear_last_exception(env, &error);
  }
  return error;
}

static void reject(napi_env env, napi_deferred deferred, napi_value error) {
  if (error == NULL) error = pending_exception(env);
  if (error == NULL) napi_get_undefined(env, &error);
  napi_reject_deferred(env, deferred, error);
}

/* Settles and frees a call whose work is done, or that never ran. */
static void call_settle(napi_env env, struct call *call) {
  napi_value value = NULL;
  if (call->error == 0) {
    if (call->result == NULL) {
      napi_get_undefined(env, &value);
    } else {
      value = call->result(env, call);
    }
  }
  if (value != NULL) {
    napi_resolve_deferred(env, call->deferred, value);
  } else {
    reject(env, call->deferred, call->error == 0 ? NULL : system_error(env, call->error, call->syscall, call->path));
  }
  call_free(env, call);
}

static void run(napi_env env, void *data) {
  struct call *call = data;
  (void)env;
  call->execute(call);
}

/* Puts a call on the pool; when that cannot be, it is complete with ENOMEM. */
static void call_queue(napi_env env, struct call *call, const char *name, napi_async_complete_callback complete) {
  napi_value resource;
  if (napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &resource) == napi_ok &&
      napi_create_async_work(env, NULL, resource, run, complete, call, &call->work) == napi_ok &&
      napi_queue_async_work(env, call->work) == napi_ok) {
    return;
  }
  pending_exception(env);
  call_fail(call, name, ENOMEM);
  complete(env, napi_ok, call);
}

static void refuse(struct begin *b, const char *syscall, int error) {
  struct call *call = b->call;
  b->call = NULL;
  call_fail(call, syscall, error);
  call_settle(b->env, call);
}

/* --- close ------------------------------------------------------------------------------------------------------ */

static void execute_close(struct call *call) {
  int fd = call->handle->fd;
  call->handle->fd = -1;
  /* On Linux the descriptor is gone whatever close says, so that it must not be tried again on EINTR. */
  if (close(fd) != 0 && errno != EINTR) call_fail(call, "close", errno);
}

static void complete_close(napi_env env, napi_status status, void *data) {
  struct call *call = data;
  struct handle *handle = call->handle;
  int error = status == napi_cancelled ? ECANCELED : call->error;
  handle->state = HANDLE_CLOSED;
  /* The object may have been collected: the last closer's reference is not to be the last one while the list is read. */
  handle->references++;
  while ((call = handle->closers) != NULL) {
    handle->closers = call->next_closer;
    if (error != 0) call_fail(call, "close", error);
    call_settle(env, call);
    handle_release(handle);
  }
  handle_release(handle);
}

static void run_close(napi_env env, struct handle *handle) {
  struct call *first = handle->closers;
  first->execute = execute_close;
  call_queue(env, first, "close", complete_close);
}

void call_start_close(struct begin *b) {
  struct call *call = b->call;
  struct handle *handle = call->handle;
  b->call = NULL;
  if (handle->state == HANDLE_CLOSED) {
    call_settle(b->env, call);
    return;
  }
  handle->references++;
  if (handle->state == HANDLE_CLOSING) {
    /* Behind the first one, which is the one whose work runs. */
    call->next_closer = handle->closers->next_closer;
    handle->closers->next_closer = call;
    return;
  }
  handle->state = HANDLE_CLOSING;
  handle->closers = call;
  if (!handle->busy) run_close(b->env, handle);
}

/* --- open ------------------------------------------------------------------------------------------------------- */

static void complete_open(napi_env env, napi_status status, void *data) {
  struct call *call = data;
  if (status == napi_cancelled) call_fail(call, "open", ECANCELED);
  if (call->error != 0) handle_release(call->handle);
  call_settle(env, call);
}

static napi_value result_open(napi_env env, const struct call *call) { return handle_to_object(env, call->handle); }

void call_start_open(struct begin *b, execute_fn *execute) {
  struct call *call = b->call;
  call->handle = handle_new(-1);
  if (call->handle == NULL) {
    refuse(b, "open", ENOMEM);
    return;
  }
  call->execute = execute;
  call->result = result_open;
  b->call = NULL;
  call_queue(b->env, call, "open", complete_open);
}

/* --- calls on a handle ------------------------------------------------------------------------------------------ */

static void complete(napi_env env, napi_status status, void *data) {
  struct call *call = data;
  struct handle *handle = call->handle;
  if (status == napi_cancelled) call_fail(call, "cancelled", ECANCELED);
  handle->busy = false;
  call_settle(env, call);
  if (handle->state == HANDLE_CLOSING) run_close(env, handle);
  handle_release(handle);
}

static bool keep(struct begin *b, napi_value value, napi_ref *reference) {
  return value == NULL || napi_create_reference(b->env, value, 1, reference) == napi_ok;
}

void call_start(struct begin *b, const char *name, execute_fn *execute, result_fn *result) {
  struct call *call = b->call;
  struct handle *handle = call->handle;
  if (handle->state != HANDLE_OPEN) {
    refuse(b, name, EBADF);
    return;
  }
  if (handle->busy) {
    refuse(b, name, EBUSY);
    return;
  }
  if (!keep(b, b->handle_object, &call->keep_handle) || !keep(b, b->bytes_object, &call->keep_bytes)) {
    pending_exception(b->env);
    refuse(b, name, ENOMEM);
    return;
  }
  call->execute = execute;
  call->result = result;
  b->call = NULL;
  handle->busy = true;
  handle->references++;
  call_queue(b->env, call, name, complete);
}

/* --- the frame -------------------------------------------------------------------------------------------------- */

bool call_begin(napi_env env, napi_callback_info info, struct begin *b) {
  size_t given = sizeof b->argv / sizeof b->argv[0];
  memset(b, 0, sizeof *b);
  b->env = env;
  b->call = calloc(1, sizeof *b->call);
  if (b->call == NULL) {
    napi_throw_error(env, "ENOMEM", "out of memory");
    return false;
  }
  /* Arguments that were not given come as undefined. */
  if (napi_get_cb_info(env, info, &given, b->argv, NULL, NULL) != napi_ok ||
      napi_create_promise(env, &b->call->deferred, &b->promise) != napi_ok) {
    free(b->call);
    b->call = NULL;
    b->promise = NULL;
    return false;
  }
  return true;
}

napi_value call_end(struct begin *b) { return b->promise; }

/* --- arguments -------------------------------------------------------------------------------------------------- */

static bool bad_argument(struct begin *b, size_t i, bool range, const char *wanted) {
  char text[ERROR_TEXT_SIZE];
  napi_value code, message, error = NULL;
  struct call *call = b->call;
  b->call = NULL;
  snprintf(text, sizeof text, "argument %zu must be %s", i + 1, wanted);
  if (napi_create_string_utf8(b->env, range ? "ERR_OUT_OF_RANGE" : "ERR_INVALID_ARG_TYPE", NAPI_AUTO_LENGTH, &code) ==
          napi_ok &&
      napi_create_string_utf8(b->env, text, NAPI_AUTO_LENGTH, &message) == napi_ok) {
    (range ? napi_create_range_error : napi_create_type_error)(b->env, code, message, &error);
  }
  reject(b->env, call->deferred, error);
  call_free(b->env, call);
  return false;
}

static bool is_type(struct begin *b, napi_value value, napi_valuetype wanted) {
  napi_valuetype type;
  return napi_typeof(b->env, value, &type) == napi_ok && type == wanted;
}

/*
 * No floating point here: for 64 bit integers that takes helpers of the compiler's library, and the one that Debian's
 * cross compiler has is for ARMv7, also in a build for ARMv6.
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

/* A buffer that can shrink would take its pages away under the running call. */
static bool can_shrink(napi_env env, napi_value buffer) {
  napi_value value;
  bool resizable = false;
  return napi_get_named_property(env, buffer, "resizable", &value) != napi_ok ||
         (napi_get_value_bool(env, value, &resizable) == napi_ok && resizable);
}

bool arg_bytes(struct begin *b, size_t i) {
  static const char WANTED[] = "a Uint8Array on a buffer of fixed size";
  bool is_array = false;
  napi_typedarray_type type;
  napi_value buffer;
  size_t length;
  void *data;
  if (napi_is_typedarray(b->env, b->argv[i], &is_array) != napi_ok || !is_array ||
      napi_get_typedarray_info(b->env, b->argv[i], &type, &length, &data, &buffer, NULL) != napi_ok ||
      type != napi_uint8_array || can_shrink(b->env, buffer)) {
    pending_exception(b->env);
    return bad_argument(b, i, false, WANTED);
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
    refuse(b, "open", ENOMEM);
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
  napi_value write, exclusive;
  if (!is_type(b, b->argv[i], napi_object) ||
      napi_get_named_property(b->env, b->argv[i], "write", &write) != napi_ok ||
      napi_get_named_property(b->env, b->argv[i], "exclusive", &exclusive) != napi_ok ||
      napi_get_value_bool(b->env, write, &b->call->flag) != napi_ok ||
      napi_get_value_bool(b->env, exclusive, &b->call->exclusive) != napi_ok) {
    pending_exception(b->env);
    return bad_argument(b, i, false, "an object with the booleans `write` and `exclusive`");
  }
  return true;
}

/* --- results ---------------------------------------------------------------------------------------------------- */

napi_value result_yes(napi_env env, const struct call *call) {
  napi_value value;
  return napi_get_boolean(env, call->out.yes, &value) == napi_ok ? value : NULL;
}

bool set_number(napi_env env, napi_value object, const char *key, uint64_t number) {
  napi_value value;
  return napi_create_int64(env, (int64_t)number, &value) == napi_ok &&
         napi_set_named_property(env, object, key, value) == napi_ok;
}

bool set_bool(napi_env env, napi_value object, const char *key, bool yes) {
  napi_value value;
  return napi_get_boolean(env, yes, &value) == napi_ok && napi_set_named_property(env, object, key, value) == napi_ok;
}
