/* ROOT/log: one JSON object on each line, in the order in which the operations ended. */
#define _GNU_SOURCE
#include "fake.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void append(const char *line, int length) {
  int saved = errno;
  char path[FAKE_PATH];
  fake_file(path, "log");
  /* Opened each time: a test may remove the file. */
  int fd = REAL(open64)(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) {
    (void)!REAL(write)(fd, line, length);
    REAL(close)(fd);
  }
  errno = saved;
}

static void log_line(const char *device, const char *operation, uint64_t at, uint64_t length, const char *result) {
  char line[400];
  int used = snprintf(line, sizeof line,
                      "{\"pid\":%d,\"device\":\"%s\",\"op\":\"%s\",\"at\":%" PRIu64 ",\"length\":%" PRIu64
                      ",\"result\":%s}\n",
                      (int)getpid(), device, operation, at, length, result);
  append(line, used < (int)sizeof line ? used : (int)sizeof line - 1);
}

void log_operation(const char *device, const char *operation, uint64_t at, uint64_t length, long long result) {
  char text[64];
  if (result >= 0) {
    snprintf(text, sizeof text, "%lld", result);
  } else {
    const char *name = strerrorname_np((int)-result);
    snprintf(text, sizeof text, "\"%s\"", name == NULL ? "?" : name);
  }
  log_line(device, operation, at, length, text);
}

void log_illegal(const char *device, uint64_t at, uint64_t length, const char *why) {
  char text[100];
  snprintf(text, sizeof text, "\"%s\"", why);
  log_line(device, "illegal", at, length, text);
}

_Noreturn void log_and_die(const char *device, const char *operation, uint64_t at, uint64_t length) {
  log_line(device, operation, at, length, "\"killed\"");
  for (;;) kill(getpid(), SIGKILL);
}
