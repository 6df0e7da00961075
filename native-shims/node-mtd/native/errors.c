#include "errors.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME(e) {e, #e}

/*
 * glibc's strerrorname_np would do, but is younger (2.32) than the C libraries that Node itself runs on. These are the
 * ones that the block layer, MTD, UBI and the drivers under them return.
 */
static const struct {
  int error;
  const char *name;
} NAMES[] = {
    NAME(EPERM),     NAME(ENOENT),       NAME(EINTR),      NAME(EIO),        NAME(ENXIO),    NAME(E2BIG),
    NAME(EBADF),     NAME(EAGAIN),       NAME(ENOMEM),     NAME(EACCES),     NAME(EFAULT),   NAME(ENOTBLK),
    NAME(EBUSY),     NAME(EEXIST),       NAME(EXDEV),      NAME(ENODEV),     NAME(ENOTDIR),  NAME(EISDIR),
    NAME(EINVAL),    NAME(ENFILE),       NAME(EMFILE),     NAME(ENOTTY),     NAME(ETXTBSY),  NAME(EFBIG),
    NAME(ENOSPC),    NAME(ESPIPE),       NAME(EROFS),      NAME(EMLINK),     NAME(EPIPE),    NAME(EDOM),
    NAME(ERANGE),    NAME(EDEADLK),      NAME(ENAMETOOLONG), NAME(ENOLCK),   NAME(ENOSYS),   NAME(ELOOP),
    NAME(ENODATA),   NAME(ETIME),        NAME(ENOLINK),    NAME(EPROTO),     NAME(EBADMSG),  NAME(EOVERFLOW),
    NAME(EILSEQ),    NAME(EUSERS),       NAME(EMSGSIZE),   NAME(EOPNOTSUPP), NAME(ENOBUFS),  NAME(ETIMEDOUT),
    NAME(EALREADY),  NAME(EINPROGRESS),  NAME(ESTALE),     NAME(EUCLEAN),    NAME(EREMOTEIO), NAME(EDQUOT),
    NAME(ENOMEDIUM), NAME(EMEDIUMTYPE),  NAME(ECANCELED),  NAME(EKEYREJECTED), NAME(ERFKILL), NAME(EHWPOISON),
    NAME(ENOTSUP),   NAME(ENOTEMPTY),    NAME(ECHRNG),     NAME(EL2NSYNC),   NAME(EBADE),    NAME(ECOMM),
    /* Of sockets: node-systemd has this table too. */
    NAME(ECONNREFUSED), NAME(EPROTOTYPE), NAME(EAFNOSUPPORT), NAME(ENOTSOCK),
};

static const char *error_name(int error, char *spare, size_t size) {
  for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
    if (NAMES[i].error == error) return NAMES[i].name;
  }
  snprintf(spare, size, "E%d", error);
  return spare;
}

static bool set_string(napi_env env, napi_value object, const char *key, const char *text) {
  napi_value value;
  return napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &value) == napi_ok &&
         napi_set_named_property(env, object, key, value) == napi_ok;
}

/* There are two functions of the name strerror_r, and which one it is hangs on the C library. */
static const char *described(int error, char *buffer, size_t size) {
#if defined(__GLIBC__) && defined(_GNU_SOURCE)
  return strerror_r(error, buffer, size);
#else
  return strerror_r(error, buffer, size) == 0 ? buffer : "unknown error";
#endif
}

napi_value system_error(napi_env env, int error, const char *syscall, const char *path) {
  char spare[16];
  char reason[128];
  const char *name = error_name(error, spare, sizeof spare);
  const char *text = described(error, reason, sizeof reason);
  size_t size = strlen(name) + strlen(text) + strlen(syscall) + (path == NULL ? 0 : strlen(path)) + 16;
  char *message = malloc(size);
  napi_value code, sentence, object = NULL, number;

  if (message == NULL) return NULL;
  if (path == NULL) {
    snprintf(message, size, "%s: %s, %s", name, text, syscall);
  } else {
    snprintf(message, size, "%s: %s, %s '%s'", name, text, syscall, path);
  }
  if (napi_create_string_utf8(env, name, NAPI_AUTO_LENGTH, &code) != napi_ok ||
      napi_create_string_utf8(env, message, NAPI_AUTO_LENGTH, &sentence) != napi_ok ||
      napi_create_error(env, code, sentence, &object) != napi_ok ||
      napi_create_int32(env, -error, &number) != napi_ok ||
      napi_set_named_property(env, object, "errno", number) != napi_ok ||
      !set_string(env, object, "syscall", syscall) || (path != NULL && !set_string(env, object, "path", path))) {
    object = NULL;
  }
  free(message);
  return object;
}
