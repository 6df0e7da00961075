/*
 * ROOT/faults. After the file is replaced it is read again, and all counts start at zero. A line is
 *   OPERATION DEVICE BLOCK NTH TIMES ACTION [ARGUMENT]
 * and applies TIMES times, from the NTH matching operation. DEVICE, BLOCK and TIMES may be `*`. Blocks are erase blocks
 * of the device, not of the chip.
 */
#define _GNU_SOURCE
#include "fake.h"
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define RULES 64
#define ANY UINT64_MAX

struct rule {
  char operation[16], device[32], action[16], argument[64];
  uint64_t block, nth, times, seen;
};

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct rule rules[RULES];
static size_t rule_count;
static struct statx loaded;

static uint64_t number_or_any(const char *text) {
  return strcmp(text, "*") == 0 ? ANY : strtoull(text, NULL, 0);
}

int errno_by_name(const char *name) {
  for (int code = 1; code < 200; code++) {
    const char *known = strerrorname_np(code);
    if (known != NULL && strcmp(known, name) == 0) return code;
  }
  fprintf(stderr, "fake-mtd: no errno is named %s\n", name);
  abort();
}

static void parse(char *text) {
  rule_count = 0;
  char *rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
    struct rule *rule = &rules[rule_count];
    memset(rule, 0, sizeof *rule);
    char block[24], nth[24], times[24];
    int fields = sscanf(line, "%15s %31s %23s %23s %23s %15s %63s", rule->operation, rule->device, block, nth,
                        times, rule->action, rule->argument);
    if (fields < 6 || rule_count + 1 == RULES) {
      fprintf(stderr, "fake-mtd: not a fault: %s\n", line);
      abort();
    }
    rule->block = number_or_any(block);
    rule->nth = number_or_any(nth);
    rule->times = number_or_any(times);
    rule_count++;
  }
}

static void reload(void) {
  char path[FAKE_PATH];
  struct statx now;
  fake_file(path, "faults");
  if (REAL(syscall)(SYS_statx, AT_FDCWD, path, 0, STATX_BASIC_STATS, &now) != 0) {
    rule_count = 0;
    memset(&loaded, 0, sizeof loaded);
    return;
  }
  if (now.stx_ino == loaded.stx_ino && now.stx_size == loaded.stx_size &&
      now.stx_mtime.tv_sec == loaded.stx_mtime.tv_sec && now.stx_mtime.tv_nsec == loaded.stx_mtime.tv_nsec) {
    return;
  }
  loaded = now;
  static char text[RULES * 160];
  int fd = REAL(open64)(path, O_RDONLY | O_CLOEXEC);
  ssize_t length = fd < 0 ? 0 : REAL(read)(fd, text, sizeof text - 1);
  if (fd >= 0) REAL(close)(fd);
  text[length < 0 ? 0 : length] = '\0';
  parse(text);
}

/* ROOT/hooks/NAME: a program that runs between two steps of the program under test. */
static void run_hook(const char *name) {
  char path[FAKE_PATH], variable[FAKE_PATH + 16];
  fake_file(path, "hooks/%s", name);
  snprintf(variable, sizeof variable, "FAKE=%s", fake_root());
  char *arguments[] = {path, NULL};
  char *environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", variable, NULL};
  pid_t child;
  int status = -1;
  /* Node sets close-on-exec on its standard streams (uv_disable_stdio_inheritance). */
  posix_spawn_file_actions_t streams;
  posix_spawn_file_actions_init(&streams);
  for (int fd = 0; fd < 3; fd++) posix_spawn_file_actions_addopen(&streams, fd, "/dev/null", O_RDWR, 0);
  int failed = posix_spawn(&child, path, &streams, NULL, arguments, environment);
  posix_spawn_file_actions_destroy(&streams);
  if (failed == 0 && waitpid(child, &status, 0) < 0) failed = errno;
  if (failed != 0 || status != 0) {
    fprintf(stderr, "fake-mtd: hook %s: %s, status %d\n", name, strerror(failed), status);
    abort();
  }
}

/* Actions before an operation, which then runs. */
static bool is_pause(const struct rule *rule) {
  return strcmp(rule->action, "stop") == 0 || strcmp(rule->action, "delay") == 0 ||
         strcmp(rule->action, "hook") == 0;
}

static void take_pause(const struct rule *rule) {
  if (rule->action[0] == 's') {
    /* To this thread: a signal to the process may arrive when the thread already holds the lock of the chip. */
    raise(SIGSTOP);
  } else if (rule->action[0] == 'd') {
    long milliseconds = atol(rule->argument);
    struct timespec time = {milliseconds / 1000, milliseconds % 1000 * 1000000};
    nanosleep(&time, NULL);
  } else {
    run_hook(rule->argument);
  }
}

static struct fault as_fault(const struct rule *rule, uint64_t first) {
  static const struct {
    const char *action;
    enum fault_kind kind;
  } NAMES[] = {{"short", FAULT_SHORT},   {"kill", FAULT_KILL},       {"flips", FAULT_FLIPS}, {"failed", FAULT_FAILED},
               {"wrong", FAULT_WRONG},   {"corrupt", FAULT_CORRUPT}, {"lie", FAULT_LIE}};
  struct fault fault = {FAULT_NONE, atol(rule->argument), rule->block == ANY ? first : rule->block};
  if (strcmp(rule->action, "errno") == 0) {
    fault.kind = FAULT_ERRNO;
    fault.argument = errno_by_name(rule->argument);
    return fault;
  }
  for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
    if (strcmp(rule->action, NAMES[i].action) == 0) fault.kind = NAMES[i].kind;
  }
  if (fault.kind == FAULT_NONE) {
    fprintf(stderr, "fake-mtd: no such action: %s\n", rule->action);
    abort();
  }
  return fault;
}

static bool matches(const struct rule *rule, const char *operation, const char *device, uint64_t first,
                    uint64_t last) {
  return strcmp(rule->operation, operation) == 0 &&
         (strcmp(rule->device, "*") == 0 || strcmp(rule->device, device) == 0) &&
         (rule->block == ANY || (first <= rule->block && rule->block <= last));
}

struct fault fault_next(const char *operation, const char *device, uint64_t first, uint64_t last) {
  struct fault fault = {FAULT_NONE, 0, first};
  struct rule pausing[RULES];
  size_t pauses = 0;
  int saved = errno;
  pthread_mutex_lock(&mutex);
  reload();
  for (size_t i = 0; i < rule_count; i++) {
    struct rule *rule = &rules[i];
    if (!matches(rule, operation, device, first, last)) continue;
    rule->seen++;
    if (rule->seen < rule->nth || (rule->times != ANY && rule->seen >= rule->nth + rule->times)) continue;
    if (is_pause(rule)) pausing[pauses++] = *rule;
    else if (fault.kind == FAULT_NONE) fault = as_fault(rule, first);
  }
  pthread_mutex_unlock(&mutex);
  /* Without the lock: operations on other devices continue. */
  for (size_t i = 0; i < pauses; i++) {
    log_operation(device, pausing[i].action, first, last, 0);
    take_pause(&pausing[i]);
  }
  errno = saved;
  return fault;
}

int fault_simple(const char *operation, const struct device *device, uint64_t at, uint64_t length) {
  uint32_t size = device->erase_size == 0 ? 1 : device->erase_size;
  struct fault fault = fault_next(operation, device->name, at / size, (at + (length > 0 ? length - 1 : 0)) / size);
  if (fault.kind == FAULT_KILL) log_and_die(device->name, operation, at, length);
  return fault.kind == FAULT_ERRNO ? -(int)fault.argument : 0;
}
