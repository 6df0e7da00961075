#include "syscalls.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "call.h"

int call_ioctl(struct call *call, const char *name, unsigned long request, void *argument) {
  int got;
  do {
    got = ioctl(call->handle->fd, request, argument);
  } while (got < 0 && errno == EINTR);
  if (got < 0) call_fail(call, name, errno);
  return got;
}

bool read_all(struct call *call, uint64_t offset, uint8_t *into, size_t length) {
  size_t done = 0;
  while (done < length) {
    ssize_t got = pread(call->handle->fd, into + done, length - done, (off_t)(offset + done));
    if (got > 0) {
      done += (size_t)got;
    } else if (got == 0) {
      call_fail(call, "pread", ENODATA);
      return false;
    } else if (errno != EINTR) {
      call_fail(call, "pread", errno);
      return false;
    }
  }
  return true;
}

/* Notes a write's outcome. A write of nothing would be tried for ever, and says that the device is broken. */
static bool advanced(struct call *call, const char *name, ssize_t got, size_t *done) {
  if (got > 0) {
    *done += (size_t)got;
  } else if (got == 0) {
    call_fail(call, name, EIO);
    return false;
  } else if (errno != EINTR) {
    call_fail(call, name, errno);
    return false;
  }
  return true;
}

bool write_all_at(struct call *call, uint64_t offset, const uint8_t *bytes, size_t length) {
  size_t done = 0;
  while (done < length) {
    ssize_t got = pwrite(call->handle->fd, bytes + done, length - done, (off_t)(offset + done));
    if (!advanced(call, "pwrite", got, &done)) return false;
  }
  return true;
}

bool write_all(struct call *call, const uint8_t *bytes, size_t length) {
  size_t done = 0;
  while (done < length) {
    ssize_t got = write(call->handle->fd, bytes + done, length - done);
    if (!advanced(call, "write", got, &done)) return false;
  }
  return true;
}
