/* Attributes that change while programs run. The others stay as the kit wrote them. */
#define _GNU_SOURCE
#include "fake.h"
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

void sysfs_put(const char *class, const char *device, const char *attribute, uint64_t value) {
  int saved = errno;
  char path[FAKE_PATH];
  char text[32];
  fake_file(path, "sys/class/%s/%s/%s", class, device, attribute);
  int length = snprintf(text, sizeof text, "%" PRIu64 "\n", value);
  int fd = REAL(open64)(path, O_WRONLY | O_CLOEXEC);
  if (fd >= 0) {
    /* Overwritten, then truncated: another reader never finds the file empty. */
    (void)!REAL(pwrite64)(fd, text, length, 0);
    (void)!REAL(ftruncate64)(fd, length);
    REAL(close)(fd);
  }
  errno = saved;
}
