#define _GNU_SOURCE
#include "fake.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/types.h>
#include <mtd/mtd-abi.h>
#include <stdlib.h>

/* The fake supports no more. */
#define DESCRIPTORS 4096

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct open_file *files[DESCRIPTORS];

struct open_file *file_of(int fd) {
  return fd < 0 || fd >= DESCRIPTORS ? NULL : __atomic_load_n(&files[fd], __ATOMIC_ACQUIRE);
}

/* drivers/mtd/mtdchar.c, mtdchar_open */
static int may_open(const struct device *device, bool writes) {
  if (device->kind != DEVICE_MTD) return 0;
  if (writes && (device->read_only_node || (device->flags & MTD_WRITEABLE) == 0)) return -EACCES;
  return device->type == MTD_ABSENT ? -ENODEV : 0;
}

int file_open(int fd, const struct device *device, int flags) {
  if (fd >= DESCRIPTORS) return -EMFILE;
  int access = flags & O_ACCMODE;
  int failed = may_open(device, access != O_RDONLY);
  if (failed == 0) failed = fault_simple("open", device, 0, 0);
  if (failed != 0) {
    log_operation(device->name, "open", 0, 0, failed);
    return failed;
  }
  struct open_file *file = calloc(1, sizeof *file);
  if (file == NULL) return -ENOMEM;
  file->references = 1;
  file->device = *device;
  file->readable = access != O_WRONLY;
  file->writable = access != O_RDONLY;
  file->users_fd = -1;
  file->changing = -1;
  pthread_mutex_init(&file->mutex, NULL);
  if (device->kind == DEVICE_VOLUME) failed = ubi_open(file);
  log_operation(device->name, file->writable ? "open-rw" : "open", 0, 0, failed);
  if (failed != 0) {
    free(file);
    return failed;
  }
  __atomic_store_n(&files[fd], file, __ATOMIC_RELEASE);
  return 0;
}

void file_share(int from, int to) {
  if (to < 0 || to >= DESCRIPTORS) return;
  pthread_mutex_lock(&mutex);
  struct open_file *file = file_of(from);
  if (file != NULL) file->references++;
  __atomic_store_n(&files[to], file, __ATOMIC_RELEASE);
  pthread_mutex_unlock(&mutex);
}

void file_close(int fd) {
  if (file_of(fd) == NULL) return;
  pthread_mutex_lock(&mutex);
  struct open_file *file = file_of(fd);
  __atomic_store_n(&files[fd], NULL, __ATOMIC_RELEASE);
  bool last = file != NULL && --file->references == 0;
  pthread_mutex_unlock(&mutex);
  if (!last) return;
  if (file->device.kind == DEVICE_VOLUME) ubi_release(file);
  log_operation(file->device.name, "close", 0, 0, fault_simple("close", &file->device, 0, 0));
  free(file->change);
  free(file);
}
