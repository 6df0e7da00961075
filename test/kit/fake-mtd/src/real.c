#define _GNU_SOURCE
#include "fake.h"
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

void *real_symbol(const char *name) {
  void *found = dlsym(RTLD_NEXT, name);
  /* Symbols that a newer libc keeps only for old programs have no default version. */
  if (found == NULL) found = dlvsym(RTLD_NEXT, name, "GLIBC_2.2.5");
  if (found == NULL) found = dlvsym(RTLD_NEXT, name, "GLIBC_2.4");
  if (found == NULL) {
    fprintf(stderr, "fake-mtd: libc has no %s\n", name);
    abort();
  }
  return found;
}
