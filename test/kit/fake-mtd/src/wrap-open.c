/* open, close, dup and similar calls. */
#define _GNU_SOURCE
#include "fake.h"
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

/* Opens a fake device. -1 with errno, as open(2); -2 if `path` is not a fake device. */
static int open_device(const char *path, int flags) {
  const char *node = fake_node(path);
  struct device device;
  if (node == NULL || (flags & O_PATH) != 0) return -2;
  if (!device_load(node, &device)) {
    errno = ENOENT;
    return -1;
  }
  char placeholder[FAKE_PATH];
  fake_file(placeholder, "dev/%s", node);
  /* Each node is backed by a file of its own, which makes flock(2) and inode numbers work. */
  int fd = REAL(open64)(placeholder, (flags & ~(O_CREAT | O_TRUNC | O_EXCL | O_ACCMODE)) | O_RDWR);
  if (fd < 0) return -1;
  int failed = file_open(fd, &device, flags);
  if (failed == 0) return fd;
  REAL(close)(fd);
  errno = -failed;
  return -1;
}

#define MODE_OF(flags)                            \
  ((flags) & (O_CREAT | O_TMPFILE) ? (__extension__({ \
    va_list rest_;                                \
    va_start(rest_, flags);                       \
    mode_t mode_ = va_arg(rest_, unsigned);       \
    va_end(rest_);                                \
    mode_;                                        \
  }))                                             \
                                   : 0)

EXPORT int open(const char *path, int flags, ...) {
  mode_t mode = MODE_OF(flags);
  int fd = open_device(path, flags);
  char buffer[FAKE_PATH];
  return fd != -2 ? fd : REAL(open)(fake_path(path, buffer), flags, mode);
}

EXPORT int open64(const char *path, int flags, ...) {
  mode_t mode = MODE_OF(flags);
  int fd = open_device(path, flags);
  char buffer[FAKE_PATH];
  return fd != -2 ? fd : REAL(open64)(fake_path(path, buffer), flags, mode);
}

EXPORT int openat(int folder, const char *path, int flags, ...) {
  mode_t mode = MODE_OF(flags);
  int fd = open_device(path, flags);
  char buffer[FAKE_PATH];
  return fd != -2 ? fd : REAL(openat)(folder, fake_path(path, buffer), flags, mode);
}

EXPORT int openat64(int folder, const char *path, int flags, ...) {
  mode_t mode = MODE_OF(flags);
  int fd = open_device(path, flags);
  char buffer[FAKE_PATH];
  return fd != -2 ? fd : REAL(openat64)(folder, fake_path(path, buffer), flags, mode);
}

/* Entry points of programs that are built with _FORTIFY_SOURCE. */
EXPORT int __open_2(const char *path, int flags) {
  return open(path, flags);
}

EXPORT int __open64_2(const char *path, int flags) {
  return open64(path, flags);
}

EXPORT int __openat_2(int folder, const char *path, int flags) {
  return openat(folder, path, flags);
}

EXPORT int __openat64_2(int folder, const char *path, int flags) {
  return openat64(folder, path, flags);
}

/* Buffered reads of a device are not supported: stdio does not call the wrappers. */
static FILE *refuse_stream(void) {
  errno = EOPNOTSUPP;
  return NULL;
}

EXPORT FILE *fopen(const char *path, const char *mode) {
  char buffer[FAKE_PATH];
  return fake_node(path) != NULL ? refuse_stream() : REAL(fopen)(fake_path(path, buffer), mode);
}

EXPORT FILE *fopen64(const char *path, const char *mode) {
  char buffer[FAKE_PATH];
  return fake_node(path) != NULL ? refuse_stream() : REAL(fopen64)(fake_path(path, buffer), mode);
}

EXPORT DIR *opendir(const char *path) {
  char buffer[FAKE_PATH];
  return REAL(opendir)(fake_path(path, buffer));
}

EXPORT int scandir(const char *path, struct dirent ***names, int (*filter)(const struct dirent *),
                   int (*compare)(const struct dirent **, const struct dirent **)) {
  char buffer[FAKE_PATH];
  return REAL(scandir)(fake_path(path, buffer), names, filter, compare);
}

EXPORT int scandir64(const char *path, struct dirent64 ***names, int (*filter)(const struct dirent64 *),
                     int (*compare)(const struct dirent64 **, const struct dirent64 **)) {
  char buffer[FAKE_PATH];
  return REAL(scandir64)(fake_path(path, buffer), names, filter, compare);
}

EXPORT int close(int fd) {
  file_close(fd);
  return REAL(close)(fd);
}

EXPORT int dup(int fd) {
  int copy = REAL(dup)(fd);
  if (copy >= 0 && file_of(fd) != NULL) file_share(fd, copy);
  return copy;
}

EXPORT int dup2(int fd, int to) {
  if (fd == to) return REAL(dup2)(fd, to);
  file_close(to);
  int copy = REAL(dup2)(fd, to);
  if (copy >= 0 && file_of(fd) != NULL) file_share(fd, copy);
  return copy;
}

EXPORT int dup3(int fd, int to, int flags) {
  if (fd != to) file_close(to);
  int copy = REAL(dup3)(fd, to, flags);
  if (copy >= 0 && file_of(fd) != NULL) file_share(fd, copy);
  return copy;
}

static void control_done(int fd, int command, int result) {
  if (result < 0 || file_of(fd) == NULL) return;
  if (command == F_DUPFD || command == F_DUPFD_CLOEXEC) file_share(fd, result);
}

EXPORT int fcntl(int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  int result = REAL(fcntl)(fd, command, argument);
  control_done(fd, command, result);
  return result;
}

EXPORT int fcntl64(int fd, int command, ...) {
  va_list rest;
  va_start(rest, command);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  int result = REAL(fcntl64)(fd, command, argument);
  control_done(fd, command, result);
  return result;
}
