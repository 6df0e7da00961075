/* stat and similar calls: the descriptor or path of a fake device is a character device. */
#define _GNU_SOURCE
#include "fake.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

/* Fills `device` if the path, or the descriptor if the path is NULL, is a fake device. */
static bool is_device(int fd, const char *path, struct device *device) {
  if (path != NULL) {
    const char *node = fake_node(path);
    return node != NULL && device_load(node, device);
  }
  const struct open_file *file = file_of(fd);
  if (file == NULL) return false;
  *device = file->device;
  return true;
}

#define SHOW(status, fd, path)                                             \
  do {                                                                     \
    struct device device_;                                                 \
    int saved_ = errno;                                                    \
    if (is_device(fd, path, &device_)) {                                   \
      (status)->st_mode = S_IFCHR | (device_.read_only_node ? 0440 : 0660); \
      (status)->st_rdev = makedev(device_.major, device_.minor);           \
      (status)->st_size = 0;                                               \
      (status)->st_blocks = 0;                                             \
    }                                                                      \
    errno = saved_;                                                        \
  } while (0)

#define BY_PATH(name, type)                             \
  EXPORT int name(const char *path, struct type *into) { \
    char buffer[FAKE_PATH];                             \
    int failed = REAL(name)(fake_path(path, buffer), into); \
    if (failed == 0) SHOW(into, -1, path);              \
    return failed;                                      \
  }

#define BY_DESCRIPTOR(name, type)                 \
  EXPORT int name(int fd, struct type *into) {    \
    int failed = REAL(name)(fd, into);            \
    if (failed == 0) SHOW(into, fd, NULL);        \
    return failed;                                \
  }

#define BY_FOLDER(name, type)                                                 \
  EXPORT int name(int folder, const char *path, struct type *into, int flags) { \
    char buffer[FAKE_PATH];                                                   \
    int failed = REAL(name)(folder, fake_path(path, buffer), into, flags);    \
    if (failed == 0) SHOW(into, folder, path[0] == '\0' ? NULL : path);       \
    return failed;                                                            \
  }

BY_PATH(stat, stat)
BY_PATH(lstat, stat)
BY_PATH(stat64, stat64)
BY_PATH(lstat64, stat64)
BY_DESCRIPTOR(fstat, stat)
BY_DESCRIPTOR(fstat64, stat64)
BY_FOLDER(fstatat, stat)
BY_FOLDER(fstatat64, stat64)

/* Entry points of programs that are built for a glibc before 2.33. */
int __xstat(int version, const char *path, struct stat *into);
int __lxstat(int version, const char *path, struct stat *into);
int __fxstat(int version, int fd, struct stat *into);
int __xstat64(int version, const char *path, struct stat64 *into);
int __lxstat64(int version, const char *path, struct stat64 *into);
int __fxstat64(int version, int fd, struct stat64 *into);

#define OLD_BY_PATH(name, type)                                      \
  EXPORT int name(int version, const char *path, struct type *into) { \
    char buffer[FAKE_PATH];                                          \
    int failed = REAL(name)(version, fake_path(path, buffer), into); \
    if (failed == 0) SHOW(into, -1, path);                           \
    return failed;                                                   \
  }

#define OLD_BY_DESCRIPTOR(name, type)                     \
  EXPORT int name(int version, int fd, struct type *into) { \
    int failed = REAL(name)(version, fd, into);           \
    if (failed == 0) SHOW(into, fd, NULL);                \
    return failed;                                        \
  }

OLD_BY_PATH(__xstat, stat)
OLD_BY_PATH(__lxstat, stat)
OLD_BY_PATH(__xstat64, stat64)
OLD_BY_PATH(__lxstat64, stat64)
OLD_BY_DESCRIPTOR(__fxstat, stat)
OLD_BY_DESCRIPTOR(__fxstat64, stat64)

static void show_statx(struct statx *into, int fd, const char *path) {
  struct device device;
  int saved = errno;
  if (is_device(fd, path[0] == '\0' ? NULL : path, &device)) {
    into->stx_mode = S_IFCHR | (device.read_only_node ? 0440 : 0660);
    into->stx_rdev_major = device.major;
    into->stx_rdev_minor = device.minor;
    into->stx_size = 0;
    into->stx_blocks = 0;
  }
  errno = saved;
}

EXPORT int statx(int folder, const char *path, int flags, unsigned mask, struct statx *into) {
  char buffer[FAKE_PATH];
  int failed = REAL(statx)(folder, fake_path(path, buffer), flags, mask, into);
  if (failed == 0) show_statx(into, folder, path);
  return failed;
}

/* libuv makes these two system calls by number. */
EXPORT long syscall(long number, ...) {
  va_list rest;
  long a[6];
  va_start(rest, number);
  for (int i = 0; i < 6; i++) a[i] = va_arg(rest, long);
  va_end(rest);
  if (number == SYS_close) return close((int)a[0]);
  if (number != SYS_statx) return REAL(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  char buffer[FAKE_PATH];
  const char *path = (const char *)a[1];
  long failed = REAL(syscall)(number, a[0], fake_path(path, buffer), a[2], a[3], a[4]);
  if (failed == 0) show_statx((struct statx *)a[4], (int)a[0], path);
  return failed;
}
