/*
 * A library that is preloaded into the program under test. Of the calls that change something under SHIM_ROOT (several,
 * with colons between them) it counts each one, and
 *   SHIM_KILL=N        ends the process by SIGKILL in place of the N-th, N from 1;
 *   SHIM_TORN=1        the same, but when half of it is written, where it is a write;
 *   SHIM_FAIL=N:ERRNO[:COUNT]  lets the N-th, and COUNT - 1 behind it, fail with that errno; COUNT 0: all behind it;
 *   SHIM_ONLY=WORDS    counts these only: open write sync rename unlink mkdir truncate link, and read, which is not
 *                      counted else;
 *   SHIM_LOG=FILE      appends a line for each: number, call, path.
 * SHIM_CLOCK=BASE:STEP:EVERY moves the real-time clock by BASE seconds, and by STEP more each EVERY milliseconds; the
 * monotonic one stays right.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define REAL(name)                                                      \
  (__extension__({                                                      \
    static __typeof__(&name) found_;                                    \
    if (found_ == NULL) found_ = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
    found_;                                                             \
  }))

static atomic_long calls;

static long number(const char *text) {
  return text == NULL ? 0 : strtol(text, NULL, 10);
}

/* Whether `name` is one of the words that count. */
static bool wanted(const char *name) {
  const char *only = getenv("SHIM_ONLY");
  if (only == NULL) return strcmp(name, "read") != 0;
  size_t length = strlen(name);
  for (const char *at = only; (at = strstr(at, name)) != NULL; at += length) {
    bool begins = at == only || at[-1] == ',';
    if (begins && (at[length] == ',' || at[length] == 0)) return true;
  }
  return false;
}

static bool under_root(const char *path) {
  const char *root = getenv("SHIM_ROOT");
  while (root != NULL && *root != 0) {
    size_t length = strcspn(root, ":");
    if (strncmp(path, root, length) == 0 && (path[length] == '/' || path[length] == 0)) return true;
    root += length + (root[length] == ':');
  }
  return false;
}

static void note(long n, const char *name, const char *path) {
  const char *log = getenv("SHIM_LOG");
  if (log == NULL) return;
  char line[600];
  int length = snprintf(line, sizeof line, "%ld %s %s\n", n, name, path);
  int fd = REAL(open64)(log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return;
  (void)!REAL(write)(fd, line, length < (int)sizeof line ? length : (int)sizeof line - 1);
  REAL(close)(fd);
}

enum verdict { GO, FAIL, TORN };

/* Called ahead of each call; sets errno where it is to fail. */
static enum verdict ask(const char *name, const char *path) {
  if (path == NULL || !wanted(name) || !under_root(path)) return GO;
  long n = atomic_fetch_add(&calls, 1) + 1;
  int saved = errno;
  note(n, name, path);
  if (n == number(getenv("SHIM_KILL"))) {
    if (getenv("SHIM_TORN") != NULL && strcmp(name, "write") == 0) return TORN;
    raise(SIGKILL);
  }
  errno = saved;
  const char *fail = getenv("SHIM_FAIL");
  if (fail == NULL) return GO;
  long first = 0, code = 0, count = 1;
  if (sscanf(fail, "%ld:%ld:%ld", &first, &code, &count) < 2) return GO;
  if (n < first || (count > 0 && n >= first + count)) return GO;
  errno = (int)code;
  return FAIL;
}

static enum verdict ask_fd(const char *name, int fd) {
  if (getenv("SHIM_ROOT") == NULL || !wanted(name)) return GO;
  char link[64], path[512];
  int saved = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t length = readlink(link, path, sizeof path - 1);
  errno = saved;
  if (length <= 0) return GO;
  path[length] = 0;
  return ask(name, path);
}

#define MODE(flags)                                  \
  ((flags) & (O_CREAT | O_TMPFILE) ? (__extension__({ \
    va_list rest_;                                   \
    va_start(rest_, flags);                          \
    mode_t mode_ = va_arg(rest_, unsigned);          \
    va_end(rest_);                                   \
    mode_;                                           \
  }))                                                \
                                   : 0)

static bool opens(const char *path, int flags) {
  return (flags & (O_CREAT | O_TRUNC)) == 0 || ask("open", path) == GO;
}

EXPORT int open(const char *path, int flags, ...) {
  mode_t mode = MODE(flags);
  return opens(path, flags) ? REAL(open)(path, flags, mode) : -1;
}

EXPORT int open64(const char *path, int flags, ...) {
  mode_t mode = MODE(flags);
  return opens(path, flags) ? REAL(open64)(path, flags, mode) : -1;
}

EXPORT ssize_t write(int fd, const void *bytes, size_t length) {
  enum verdict verdict = ask_fd("write", fd);
  if (verdict == FAIL) return -1;
  ssize_t done = REAL(write)(fd, bytes, verdict == TORN ? length / 2 : length);
  if (verdict == TORN) raise(SIGKILL);
  return done;
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t at) {
  enum verdict verdict = ask_fd("write", fd);
  if (verdict == FAIL) return -1;
  ssize_t done = REAL(pwrite64)(fd, bytes, verdict == TORN ? length / 2 : length, at);
  if (verdict == TORN) raise(SIGKILL);
  return done;
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t length, off_t at) {
  return pwrite64(fd, bytes, length, at);
}

EXPORT ssize_t writev(int fd, const struct iovec *parts, int count) {
  enum verdict verdict = ask_fd("write", fd);
  if (verdict == FAIL) return -1;
  if (verdict == TORN) {
    (void)!REAL(write)(fd, parts[0].iov_base, parts[0].iov_len / 2);
    raise(SIGKILL);
  }
  return REAL(writev)(fd, parts, count);
}

EXPORT ssize_t read(int fd, void *into, size_t length) {
  return ask_fd("read", fd) == GO ? REAL(read)(fd, into, length) : -1;
}

EXPORT ssize_t pread64(int fd, void *into, size_t length, off64_t at) {
  return ask_fd("read", fd) == GO ? REAL(pread64)(fd, into, length, at) : -1;
}

EXPORT ssize_t pread(int fd, void *into, size_t length, off_t at) {
  return pread64(fd, into, length, at);
}

EXPORT int fsync(int fd) {
  return ask_fd("sync", fd) == GO ? REAL(fsync)(fd) : -1;
}

EXPORT int fdatasync(int fd) {
  return ask_fd("sync", fd) == GO ? REAL(fdatasync)(fd) : -1;
}

EXPORT int ftruncate64(int fd, off64_t length) {
  return ask_fd("truncate", fd) == GO ? REAL(ftruncate64)(fd, length) : -1;
}

EXPORT int ftruncate(int fd, off_t length) {
  return ftruncate64(fd, length);
}

EXPORT int rename(const char *from, const char *to) {
  return ask("rename", to) == GO ? REAL(rename)(from, to) : -1;
}

EXPORT int link(const char *from, const char *to) {
  return ask("link", to) == GO ? REAL(link)(from, to) : -1;
}

EXPORT int unlink(const char *path) {
  return ask("unlink", path) == GO ? REAL(unlink)(path) : -1;
}

EXPORT int mkdir(const char *path, mode_t mode) {
  return ask("mkdir", path) == GO ? REAL(mkdir)(path, mode) : -1;
}

/* ---- the clock ---- */

static long shift(void) {
  const char *clock = getenv("SHIM_CLOCK");
  long base = 0, step = 0, every = 0;
  if (clock == NULL || sscanf(clock, "%ld:%ld:%ld", &base, &step, &every) < 1) return 0;
  if (every <= 0) return base;
  static atomic_llong started;
  struct timespec now;
  REAL(clock_gettime)(CLOCK_MONOTONIC, &now);
  long long ms = now.tv_sec * 1000ll + now.tv_nsec / 1000000, zero = 0;
  atomic_compare_exchange_strong(&started, &zero, ms);
  return base + step * (long)((ms - atomic_load(&started)) / every);
}

EXPORT int clock_gettime(clockid_t which, struct timespec *into) {
  int result = REAL(clock_gettime)(which, into);
  if (result == 0 && (which == CLOCK_REALTIME || which == CLOCK_REALTIME_COARSE)) into->tv_sec += shift();
  return result;
}

EXPORT int gettimeofday(struct timeval *restrict into, void *restrict zone) {
  int result = REAL(gettimeofday)(into, zone);
  if (result == 0) into->tv_sec += shift();
  return result;
}

EXPORT time_t time(time_t *into) {
  time_t now = REAL(time)(NULL) + shift();
  if (into != NULL) *into = now;
  return now;
}
