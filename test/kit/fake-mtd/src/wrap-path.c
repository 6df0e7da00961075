/* Calls on a path other than open and stat. */
#define _GNU_SOURCE
#include "fake.h"
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

EXPORT int access(const char *path, int mode) {
  char buffer[FAKE_PATH];
  return REAL(access)(fake_path(path, buffer), mode);
}

EXPORT int euidaccess(const char *path, int mode) {
  char buffer[FAKE_PATH];
  return REAL(euidaccess)(fake_path(path, buffer), mode);
}

EXPORT int faccessat(int folder, const char *path, int mode, int flags) {
  char buffer[FAKE_PATH];
  return REAL(faccessat)(folder, fake_path(path, buffer), mode, flags);
}

EXPORT ssize_t readlink(const char *path, char *into, size_t room) {
  char buffer[FAKE_PATH];
  return REAL(readlink)(fake_path(path, buffer), into, room);
}

EXPORT ssize_t readlinkat(int folder, const char *path, char *into, size_t room) {
  char buffer[FAKE_PATH];
  return REAL(readlinkat)(folder, fake_path(path, buffer), into, room);
}

/* Only a redirected path is translated back: a program that named the folder of the fake gets that folder. */
EXPORT char *realpath(const char *path, char *into) {
  char buffer[FAKE_PATH];
  const char *redirected = fake_path(path, buffer);
  char *found = REAL(realpath)(redirected, into);
  if (found != NULL && redirected != path) fake_visible(found);
  return found;
}

EXPORT char *__realpath_chk(const char *path, char *into, size_t room) {
  if (room < PATH_MAX) abort();
  return realpath(path, into);
}

EXPORT char *canonicalize_file_name(const char *path) {
  return realpath(path, NULL);
}
