/*
 * Which processes have a volume open, as locks on a file: the kernel frees them when a process ends. All that have the
 * volume open share the lock on byte 0, and an update has it exclusively; the writer has the lock on byte 1.
 */
#define _GNU_SOURCE
#include "fake.h"
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

static int take(int fd, int byte, short type) {
  struct flock64 lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};
  return REAL(fcntl64)(fd, F_OFD_SETLK, &lock) == 0 ? 0 : -EBUSY;
}

/* drivers/mtd/ubi/kapi.c, ubi_open_volume */
int ubi_open(struct open_file *file) {
  char path[FAKE_PATH];
  fake_file(path, "chips/%s.users", file->device.chip->name);
  int low = REAL(open64)(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (low < 0) return -EIO;
  file->users_fd = REAL(fcntl)(low, F_DUPFD_CLOEXEC, 500);
  if (file->users_fd < 0) file->users_fd = low;
  else REAL(close)(low);
  int failed = take(file->users_fd, 0, F_RDLCK);
  if (failed == 0 && file->writable) failed = take(file->users_fd, 1, F_WRLCK);
  if (failed != 0) REAL(close)(file->users_fd);
  return failed;
}

int ubi_exclusive(struct open_file *file, bool on) {
  int failed = take(file->users_fd, 0, on ? F_WRLCK : F_RDLCK);
  if (failed == 0) file->exclusive = on;
  return failed;
}

void ubi_release(struct open_file *file) {
  REAL(close)(file->users_fd);
}
