/*
 * Runs a command and watches the machine meanwhile, from outside of what it measures.
 *
 *   measure REPORT CGROUP COMMAND [ARGUMENT...]
 *
 * The command and all that it starts run in CGROUP (cgroup v2, an empty group), whose CPU time is theirs, waited for
 * or not. Each 2 ms /proc/meminfo is read. REPORT becomes one line of JSON: seconds, KiB, and the exit code (128 + the
 * signal for one that was killed), which is also this program's.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SAMPLE_MICROSECONDS 2000

struct memory {
  long available;
  long shmem;
};

static void die(const char *what) {
  perror(what);
  exit(125);
}

static void read_text(const char *path, char *text, size_t size) {
  int file = open(path, O_RDONLY | O_CLOEXEC);
  if (file < 0) die(path);
  ssize_t count = read(file, text, size - 1);
  if (count < 0) die(path);
  text[count] = '\0';
  close(file);
}

/* The number behind `name`, which the text has. */
static long long number_after(const char *text, const char *name) {
  const char *found = strstr(text, name);
  if (found == NULL) {
    fprintf(stderr, "measure: no %s\n", name);
    exit(125);
  }
  return atoll(found + strlen(name));
}

static struct memory memory_now(void) {
  char text[4096];
  read_text("/proc/meminfo", text, sizeof text);
  return (struct memory){number_after(text, "MemAvailable:"), number_after(text, "Shmem:")};
}

static double seconds_now(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void enter(const char *group) {
  char path[256];
  snprintf(path, sizeof path, "%s/cgroup.procs", group);
  int file = open(path, O_WRONLY | O_CLOEXEC);
  if (file < 0 || write(file, "0", 1) != 1) die(path);
  close(file);
}

int main(int count, char **words) {
  if (count < 4) {
    fprintf(stderr, "usage: measure REPORT CGROUP COMMAND [ARGUMENT...]\n");
    return 125;
  }
  const char *report = words[1];
  const char *group = words[2];

  const struct memory before = memory_now();
  struct memory worst = before;
  const double start = seconds_now();
  pid_t child = fork();
  if (child < 0) die("fork");
  if (child == 0) {
    enter(group);
    execvp(words[3], words + 3);
    perror(words[3]);
    _exit(127);
  }

  int status;
  struct rusage usage;
  for (;;) {
    pid_t ended = wait4(child, &status, WNOHANG, &usage);
    if (ended == child) break;
    if (ended < 0 && errno != EINTR) die("wait4");
    const struct memory now = memory_now();
    if (now.available < worst.available) worst.available = now.available;
    if (now.shmem > worst.shmem) worst.shmem = now.shmem;
    usleep(SAMPLE_MICROSECONDS);
  }
  const double wall = seconds_now() - start;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);

  char path[256];
  char text[4096];
  snprintf(path, sizeof path, "%s/cpu.stat", group);
  read_text(path, text, sizeof text);
  FILE *out = fopen(report, "w");
  if (out == NULL) die(report);
  fprintf(out,
          "{\"code\":%d,\"wall\":%.3f,\"user\":%.3f,\"system\":%.3f,\"peakRss\":%ld,"
          "\"available\":%ld,\"lowestAvailable\":%ld,\"tmpfs\":%ld}\n",
          code, wall, (double)number_after(text, "user_usec ") / 1e6, (double)number_after(text, "system_usec ") / 1e6,
          usage.ru_maxrss, before.available, worst.available, worst.shmem - before.shmem);
  fclose(out);
  return code;
}
