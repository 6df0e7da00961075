/* Opening, closing and telling what was opened. */
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "call.h"
#include "functions.h"

static void execute_open(struct call *call) {
  struct statx what;
  int flags = O_CLOEXEC | O_NOCTTY | (call->flag ? O_RDWR : O_RDONLY) | (call->exclusive ? O_EXCL : 0);
  int fd;
  /* Opening a FIFO would hold a thread of the pool until somebody opens its other end. */
  if (statx(AT_FDCWD, call->path, 0, STATX_TYPE, &what) == 0 && S_ISFIFO(what.stx_mode)) {
    call_fail(call, "open", ENXIO);
    return;
  }
  do {
    fd = open(call->path, flags);
  } while (fd < 0 && errno == EINTR);
  if (fd < 0) {
    call_fail(call, "open", errno);
  } else {
    call->handle->fd = fd;
  }
}

napi_value descriptor_open(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_path(&b, 0) && arg_open_flags(&b, 1)) call_start_open(&b, execute_open);
  return call_end(&b);
}

napi_value descriptor_close(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0)) call_start_close(&b);
  return call_end(&b);
}

/* statx and not fstat: glibc's fstat of today asks for a C library younger than Node does. */
static void execute_identify(struct call *call) {
  struct statx what;
  if (statx(call->handle->fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &what) != 0) {
    call_fail(call, "fstat", errno);
    return;
  }
  call->out.identity.kind = S_ISCHR(what.stx_mode)   ? 'c'
                            : S_ISBLK(what.stx_mode) ? 'b'
                            : S_ISREG(what.stx_mode) ? 'f'
                                                     : 'o';
  call->out.identity.size = S_ISREG(what.stx_mode) ? what.stx_size : 0;
  call->out.identity.major = what.stx_rdev_major;
  call->out.identity.minor = what.stx_rdev_minor;
}

static napi_value result_identify(napi_env env, const struct call *call) {
  const char *kind = call->out.identity.kind == 'c'   ? "char"
                     : call->out.identity.kind == 'b' ? "block"
                     : call->out.identity.kind == 'f' ? "file"
                                                      : "other";
  napi_value object, text;
  if (napi_create_object(env, &object) != napi_ok ||
      napi_create_string_utf8(env, kind, NAPI_AUTO_LENGTH, &text) != napi_ok ||
      napi_set_named_property(env, object, "kind", text) != napi_ok ||
      !set_number(env, object, "major", call->out.identity.major) ||
      !set_number(env, object, "minor", call->out.identity.minor) ||
      !set_number(env, object, "size", call->out.identity.size)) {
    return NULL;
  }
  return object;
}

napi_value descriptor_identify(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0)) call_start(&b, "fstat", execute_identify, result_identify);
  return call_end(&b);
}

static void execute_lock(struct call *call) {
  int got;
  do {
    got = flock(call->handle->fd, (call->flag ? LOCK_SH : LOCK_EX) | LOCK_NB);
  } while (got != 0 && errno == EINTR);
  call->out.yes = got == 0;
  if (got != 0 && errno != EWOULDBLOCK) call_fail(call, "flock", errno);
}

napi_value descriptor_lock(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_flag(&b, 1)) {
    call_start(&b, "flock", execute_lock, result_yes);
  }
  return call_end(&b);
}
