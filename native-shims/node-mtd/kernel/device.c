#include "linux-features.h"

#include "device.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "retry.h"

struct sys_result device_open(const char *path, unsigned flags, int *fd) {
  struct statx found;
  int mode = O_CLOEXEC | O_NOCTTY;
  int opened;
  mode |= flags & DEVICE_WRITE ? O_RDWR : O_RDONLY;
  if (flags & DEVICE_EXCLUSIVE) mode |= O_EXCL;
  /* Opening a FIFO would block the thread until another process opens the other end. */
  if (statx(AT_FDCWD, path, 0, STATX_TYPE, &found) == 0 && S_ISFIFO(found.stx_mode)) return sys_failure("open", ENXIO);
  RETRY(opened, open(path, mode));
  if (opened < 0) return sys_failure("open", errno);
  *fd = opened;
  return sys_success();
}

struct sys_result device_close(int fd) {
  /* Linux frees the descriptor before it can return EINTR: a second close could hit another file. */
  return close(fd) == 0 || errno == EINTR ? sys_success() : sys_failure("close", errno);
}

struct sys_result device_identify(int fd, struct device_identity *identity) {
  struct statx found;
  /* statx and not fstat: fstat of a current glibc is a symbol that glibc 2.28 does not have. */
  if (statx(fd, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &found) != 0) return sys_failure("fstat", errno);
  identity->kind = S_ISCHR(found.stx_mode)   ? DEVICE_CHAR
                   : S_ISBLK(found.stx_mode) ? DEVICE_BLOCK
                   : S_ISREG(found.stx_mode) ? DEVICE_FILE
                                             : DEVICE_OTHER;
  identity->major = found.stx_rdev_major;
  identity->minor = found.stx_rdev_minor;
  identity->size = S_ISREG(found.stx_mode) ? found.stx_size : 0;
  return sys_success();
}

struct sys_result device_try_lock(int fd, bool shared, bool *locked) {
  int got;
  RETRY(got, flock(fd, (shared ? LOCK_SH : LOCK_EX) | LOCK_NB));
  if (got != 0 && errno != EWOULDBLOCK) return sys_failure("flock", errno);
  *locked = got == 0;
  return sys_success();
}
