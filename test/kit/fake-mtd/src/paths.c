/* Which paths the fake replaces, and by which files. */
#define _GNU_SOURCE
#include "fake.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Paths of the fake, even if it has no file of that name. */
static const char *const OURS[] = {"/dev/mtd",       "/dev/ubi",       "/proc/mtd",
                                   "/sys/class/mtd", "/sys/class/ubi", "/sys/devices/fake-flash"};

static char root[FAKE_PATH];

__attribute__((constructor)) static void find_root(void) {
  const char *given = getenv("FAKE_MTD");
  if (given == NULL || given[0] != '/' || strlen(given) >= FAKE_PATH / 2) return;
  strcpy(root, given);
  for (size_t length = strlen(root); length > 1 && root[length - 1] == '/'; length--) root[length - 1] = '\0';
}

const char *fake_root(void) {
  return root[0] == '\0' ? NULL : root;
}

void fake_file(char into[FAKE_PATH], const char *format, ...) {
  int used = snprintf(into, FAKE_PATH, "%s/", root);
  va_list arguments;
  va_start(arguments, format);
  int more = vsnprintf(into + used, FAKE_PATH - used, format, arguments);
  va_end(arguments);
  if (used + more >= FAKE_PATH) {
    fprintf(stderr, "fake-mtd: path too long\n");
    abort();
  }
}

/* The rest of `path` after the root; `roots` of node-mtd name files of the fake by such paths. */
static const char *below_root(const char *path) {
  size_t length = strlen(root);
  return strncmp(path, root, length) == 0 && path[length] == '/' ? path + length : path;
}

static bool is_ours(const char *path) {
  for (size_t i = 0; i < sizeof OURS / sizeof OURS[0]; i++) {
    if (strncmp(path, OURS[i], strlen(OURS[i])) == 0) return true;
  }
  return false;
}

static int mode_of(const char *path) {
  struct statx found;
  long failed = REAL(syscall)(SYS_statx, AT_FDCWD, path, AT_SYMLINK_NOFOLLOW, STATX_TYPE, &found);
  return failed != 0 ? 0 : found.stx_mode & S_IFMT;
}

const char *fake_path(const char *path, char buffer[FAKE_PATH]) {
  if (root[0] == '\0' || path == NULL) return path;
  if (strncmp(path, "/dev/", 5) != 0 && strncmp(path, "/proc/", 6) != 0 && strncmp(path, "/sys/", 5) != 0) {
    return path;
  }
  if ((size_t)snprintf(buffer, FAKE_PATH, "%s%s", root, path) >= FAKE_PATH) return path;
  if (is_ours(path)) return buffer;
  int saved = errno;
  int mode = mode_of(buffer);
  /* A folder of the fake must not hide the other files of a real folder. */
  bool taken = mode != 0 && (mode != S_IFDIR || mode_of(path) == 0);
  errno = saved;
  return taken ? buffer : path;
}

const char *fake_node(const char *path) {
  if (root[0] == '\0' || path == NULL) return NULL;
  path = below_root(path);
  if (strncmp(path, "/dev/mtd", 8) != 0 && strncmp(path, "/dev/ubi", 8) != 0) return NULL;
  return path + 5;
}

void fake_visible(char *path) {
  size_t length = strlen(root);
  if (length == 0) return;
  const char *rest = below_root(path);
  if (rest != path) memmove(path, rest, strlen(rest) + 1);
}
