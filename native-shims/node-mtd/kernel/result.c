#include "linux-features.h"

#include "result.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NAME(e) {e, #e}

/*
 * glibc has strerrorname_np since 2.32, and the addons must run on 2.28. These are the errors that the block layer,
 * MTD, UBI and the drivers below them return.
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
    /* Of sockets, for node-systemd. */
    NAME(ECONNREFUSED), NAME(EPROTOTYPE), NAME(EAFNOSUPPORT), NAME(ENOTSOCK),
};

const char *sys_error_name(int error, char buffer[SYS_ERROR_NAME_SIZE]) {
  for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
    if (NAMES[i].error == error) return NAMES[i].name;
  }
  snprintf(buffer, SYS_ERROR_NAME_SIZE, "E%d", error);
  return buffer;
}

/* glibc and musl have different functions of the name strerror_r. */
static const char *describe(int error, char *buffer, size_t size) {
#ifdef __GLIBC__
  return strerror_r(error, buffer, size);
#else
  return strerror_r(error, buffer, size) == 0 ? buffer : "unknown error";
#endif
}

size_t sys_message(struct sys_result result, const char *path, char *into, size_t size) {
  char spare[SYS_ERROR_NAME_SIZE], text[128];
  const char *name = sys_error_name(result.error, spare);
  const char *description = describe(result.error, text, sizeof text);
  int length = path == NULL ? snprintf(into, size, "%s: %s, %s", name, description, result.syscall)
                            : snprintf(into, size, "%s: %s, %s '%s'", name, description, result.syscall, path);
  return length < 0 ? 0 : (size_t)length;
}
