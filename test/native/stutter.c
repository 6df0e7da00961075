/*
 * Preloaded by a test: a kernel that is interrupted at every other call and does 1000 bytes at a time, and with
 * STUTTER=stuck nothing at all.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Thread_local unsigned calls;

static size_t part(size_t length) { return length < 1000 ? length : 1000; }

/* Whether the descriptor is one of the test's own file: all others are Node's. */
static int ours(int fd) {
  char link[64], path[4096];
  const char *wanted = getenv("STUTTER_FILE");
  ssize_t length;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  length = readlink(link, path, sizeof path - 1);
  if (length < 0 || wanted == NULL) return 0;
  path[length] = '\0';
  return strcmp(path, wanted) == 0;
}

static int stuck(void) {
  const char *mode = getenv("STUTTER");
  return mode != NULL && strcmp(mode, "stuck") == 0;
}

#define STUTTER(real)                \
  if (!ours(fd)) return real;        \
  if (stuck()) return 0;             \
  if (calls++ % 2 == 0) {            \
    errno = EINTR;                   \
    return -1;                       \
  }                                  \
  length = part(length);             \
  return real

ssize_t pread64(int fd, void *into, size_t length, off64_t offset) {
  ssize_t (*next)(int, void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pread64");
  STUTTER(next(fd, into, length, offset));
}

ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  ssize_t (*next)(int, const void *, size_t, off64_t) = dlsym(RTLD_NEXT, "pwrite64");
  STUTTER(next(fd, bytes, length, offset));
}

ssize_t write(int fd, const void *bytes, size_t length) {
  ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
  STUTTER(next(fd, bytes, length));
}

int fsync(int fd) {
  int (*next)(int) = dlsym(RTLD_NEXT, "fsync");
  size_t length = 0;
  (void)length;
  STUTTER(next(fd));
}

int flock(int fd, int operation) {
  int (*next)(int, int) = dlsym(RTLD_NEXT, "flock");
  size_t length = 0;
  (void)length;
  STUTTER(next(fd, operation));
}

/* Answers as a chip would, so that a call that is asked again is seen to succeed. */
int ioctl(int fd, unsigned long request, ...) {
  int (*next)(int, unsigned long, void *) = dlsym(RTLD_NEXT, "ioctl");
  va_list list;
  void *argument;
  size_t length = 0;
  (void)length;
  va_start(list, request);
  argument = va_arg(list, void *);
  va_end(list);
  STUTTER(ours(fd) ? 0 : next(fd, request, argument));
}
