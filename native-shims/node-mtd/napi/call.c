#include "call.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "errors.h"

static void call_free(napi_env env, struct call *call) {
  if (call->keep_handle != NULL) napi_delete_reference(env, call->keep_handle);
  if (call->keep_bytes != NULL) napi_delete_reference(env, call->keep_bytes);
  if (call->work != NULL) napi_delete_async_work(env, call->work);
  free(call->path);
  free(call);
}

napi_value take_exception(napi_env env) {
  bool pending = false;
  napi_value error = NULL;
  if (napi_is_exception_pending(env, &pending) == napi_ok && pending) {
    napi_get_and_clear_last_exception(env, &error);
  }
  return error;
}

static void reject(napi_env env, struct call *call, napi_value error) {
  if (error == NULL) error = take_exception(env);
  if (error == NULL) napi_get_undefined(env, &error);
  napi_reject_deferred(env, call->deferred, error);
}

/* Settles and frees a call that has run, or that never will. */
static void call_settle(napi_env env, struct call *call) {
  result_fn *result = call->function->result;
  napi_value value = NULL;
  if (call->outcome.error != 0) {
    reject(env, call, system_error(env, call->outcome, call->path));
  } else {
    if (result == NULL) {
      napi_get_undefined(env, &value);
    } else {
      value = result(env, call);
    }
    if (value == NULL) {
      reject(env, call, NULL);
    } else {
      napi_resolve_deferred(env, call->deferred, value);
    }
  }
  call_free(env, call);
}

void call_reject(struct begin *b, napi_value error) {
  struct call *call = b->call;
  b->call = NULL;
  reject(b->env, call, error);
  call_free(b->env, call);
}

void call_refuse(struct begin *b, int error) {
  struct call *call = b->call;
  b->call = NULL;
  call->outcome = sys_failure(call->function->syscall, error);
  call_settle(b->env, call);
}

static void run(napi_env env, void *data) {
  struct call *call = data;
  (void)env;
  call->outcome = call->function->execute(call);
}

/* Puts a call on the queue of the pool. If that fails, the call is complete with ENOMEM. */
static void call_queue(napi_env env, struct call *call, napi_async_complete_callback complete) {
  const char *name = call->function->syscall;
  napi_value resource;
  if (napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &resource) == napi_ok &&
      napi_create_async_work(env, NULL, resource, run, complete, call, &call->work) == napi_ok &&
      napi_queue_async_work(env, call->work) == napi_ok) {
    return;
  }
  take_exception(env);
  call->outcome = sys_failure(name, ENOMEM);
  complete(env, napi_ok, call);
}

/* --- close ------------------------------------------------------------------------------------------------------ */

static void complete_close(napi_env env, napi_status status, void *data) {
  struct call *call = data;
  struct handle *handle = call->handle;
  struct sys_result outcome = status == napi_cancelled ? sys_failure("close", ECANCELED) : call->outcome;
  handle->state = HANDLE_CLOSED;
  /* Keeps the handle while its list is read: the closers may have the last references. */
  handle->references++;
  while ((call = handle->closers) != NULL) {
    handle->closers = call->next_closer;
    call->outcome = outcome;
    call_settle(env, call);
    handle_release(handle);
  }
  handle_release(handle);
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
    /* After the first one, which is the one that runs. */
    call->next_closer = handle->closers->next_closer;
    handle->closers->next_closer = call;
    return;
  }
  handle->state = HANDLE_CLOSING;
  handle->closers = call;
  if (!handle->busy) call_queue(b->env, call, complete_close);
}

/* --- open ------------------------------------------------------------------------------------------------------- */

static void complete_open(napi_env env, napi_status status, void *data) {
  struct call *call = data;
  if (status == napi_cancelled) call->outcome = sys_failure("open", ECANCELED);
  if (call->outcome.error != 0) handle_release(call->handle);
  call_settle(env, call);
}

void call_start_open(struct begin *b) {
  struct call *call = b->call;
  call->handle = handle_new();
  if (call->handle == NULL) {
    call_refuse(b, ENOMEM);
    return;
  }
  b->call = NULL;
  call_queue(b->env, call, complete_open);
}

/* --- calls on a handle ------------------------------------------------------------------------------------------ */

static void complete(napi_env env, napi_status status, void *data) {
  struct call *call = data;
  struct handle *handle = call->handle;
  if (status == napi_cancelled) call->outcome = sys_failure("cancelled", ECANCELED);
  handle->busy = false;
  call_settle(env, call);
  if (handle->state == HANDLE_CLOSING) call_queue(env, handle->closers, complete_close);
  handle_release(handle);
}

static bool keep(struct begin *b, napi_value value, napi_ref *reference) {
  return value == NULL || napi_create_reference(b->env, value, 1, reference) == napi_ok;
}

void call_start(struct begin *b) {
  struct call *call = b->call;
  struct handle *handle = call->handle;
  if (handle->state != HANDLE_OPEN || handle->busy) {
    call_refuse(b, handle->state != HANDLE_OPEN ? EBADF : EBUSY);
    return;
  }
  if (!keep(b, b->handle_object, &call->keep_handle) || !keep(b, b->bytes_object, &call->keep_bytes)) {
    take_exception(b->env);
    call_refuse(b, ENOMEM);
    return;
  }
  b->call = NULL;
  handle->busy = true;
  handle->references++;
  call_queue(b->env, call, complete);
}

/* --- the callback ----------------------------------------------------------------------------------------------- */

static bool call_begin(napi_env env, napi_callback_info info, struct begin *b) {
  size_t given = MAX_ARGUMENTS;
  void *function;
  memset(b, 0, sizeof *b);
  b->env = env;
  b->call = calloc(1, sizeof *b->call);
  if (b->call == NULL) {
    napi_throw_error(env, "ENOMEM", "out of memory");
    return false;
  }
  /* Missing arguments come as undefined. */
  if (napi_get_cb_info(env, info, &given, b->argv, NULL, &function) != napi_ok ||
      napi_create_promise(env, &b->call->deferred, &b->promise) != napi_ok) {
    free(b->call);
    b->promise = NULL;
    return false;
  }
  b->call->function = function;
  return true;
}

napi_value call_invoke(napi_env env, napi_callback_info info) {
  struct begin b;
  if (!call_begin(env, info, &b)) return NULL;
  const struct function *function = b.call->function;
  for (size_t i = 0; i < MAX_ARGUMENTS && function->arguments[i] != NULL; i++) {
    if (!function->arguments[i](&b, i)) return b.promise;
  }
  function->start(&b);
  return b.promise;
}
