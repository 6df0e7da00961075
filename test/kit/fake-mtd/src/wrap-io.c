/* read, write, seek, sync and ioctl on descriptors of fake devices. */
#define _GNU_SOURCE
#include "fake.h"
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

static ssize_t answer(ssize_t result) {
  if (result >= 0) return result;
  errno = (int)-result;
  return -1;
}

static ssize_t read_at(struct open_file *file, void *into, size_t count, off64_t at) {
  if (!file->readable) return -EBADF;
  if (at < 0) return -EINVAL;
  ssize_t done = file->device.kind == DEVICE_MTD      ? mtd_read(file, into, count, at)
                 : file->device.kind == DEVICE_VOLUME ? ubi_read(file, into, count, at)
                                                      : -EINVAL;
  log_operation(file->device.name, "read", at, count, done);
  return done;
}

static ssize_t write_at(struct open_file *file, const void *bytes, size_t count, off64_t at) {
  if (!file->writable) return -EBADF;
  if (at < 0) return -EINVAL;
  bool update = file->updating || file->changing >= 0;
  uint64_t told = file->updating ? file->received
                  : update       ? (uint64_t)file->changing * file->device.erase_size + file->received
                                 : (uint64_t)at;
  ssize_t done = file->device.kind == DEVICE_MTD      ? mtd_write(file, bytes, count, at)
                 : file->device.kind == DEVICE_VOLUME ? ubi_write(file, bytes, count, at)
                                                      : -EINVAL;
  log_operation(file->device.name, "write", told, count, done);
  return done;
}

static ssize_t read_on(struct open_file *file, void *into, size_t count) {
  pthread_mutex_lock(&file->mutex);
  ssize_t done = read_at(file, into, count, file->position);
  if (done > 0) file->position += done;
  pthread_mutex_unlock(&file->mutex);
  return done;
}

static ssize_t write_on(struct open_file *file, const void *bytes, size_t count) {
  pthread_mutex_lock(&file->mutex);
  bool update = file->updating || file->changing >= 0;
  ssize_t done = write_at(file, bytes, count, file->position);
  /* An update has a position of its own (drivers/mtd/ubi/cdev.c, vol_cdev_write). */
  if (done > 0 && !update) file->position += done;
  pthread_mutex_unlock(&file->mutex);
  return done;
}

EXPORT ssize_t read(int fd, void *into, size_t count) {
  struct open_file *file = file_of(fd);
  return file == NULL ? REAL(read)(fd, into, count) : answer(read_on(file, into, count));
}

/* Fortified read: the compiler knew the size of the buffer. */
EXPORT ssize_t __read_chk(int fd, void *into, size_t count, size_t room) {
  return read(fd, into, count < room ? count : room);
}

EXPORT ssize_t write(int fd, const void *bytes, size_t count) {
  struct open_file *file = file_of(fd);
  return file == NULL ? REAL(write)(fd, bytes, count) : answer(write_on(file, bytes, count));
}

EXPORT ssize_t pread64(int fd, void *into, size_t count, off64_t at) {
  struct open_file *file = file_of(fd);
  return file == NULL ? REAL(pread64)(fd, into, count, at) : answer(read_at(file, into, count, at));
}

EXPORT ssize_t pread(int fd, void *into, size_t count, off_t at) {
  return pread64(fd, into, count, at);
}

EXPORT ssize_t __pread_chk(int fd, void *into, size_t count, off_t at, size_t room) {
  return pread64(fd, into, count < room ? count : room, at);
}

EXPORT ssize_t __pread64_chk(int fd, void *into, size_t count, off64_t at, size_t room) {
  return pread64(fd, into, count < room ? count : room, at);
}

EXPORT ssize_t pwrite64(int fd, const void *bytes, size_t count, off64_t at) {
  struct open_file *file = file_of(fd);
  return file == NULL ? REAL(pwrite64)(fd, bytes, count, at) : answer(write_at(file, bytes, count, at));
}

EXPORT ssize_t pwrite(int fd, const void *bytes, size_t count, off_t at) {
  return pwrite64(fd, bytes, count, at);
}

/* One part after the other, as the kernel does for drivers without vectors. `at` -1: from the file position. */
static ssize_t each_piece(struct open_file *file, const struct iovec *pieces, int count, off64_t at, bool writes) {
  ssize_t total = 0;
  for (int i = 0; i < count; i++) {
    void *base = pieces[i].iov_base;
    size_t length = pieces[i].iov_len;
    ssize_t done = writes ? (at < 0 ? write_on(file, base, length) : write_at(file, base, length, at + total))
                          : (at < 0 ? read_on(file, base, length) : read_at(file, base, length, at + total));
    if (done < 0) return total > 0 ? total : done;
    total += done;
    if ((size_t)done < length) break;
  }
  return total;
}

EXPORT ssize_t readv(int fd, const struct iovec *pieces, int count) {
  struct open_file *file = file_of(fd);
  return file == NULL ? REAL(readv)(fd, pieces, count) : answer(each_piece(file, pieces, count, -1, false));
}

EXPORT ssize_t writev(int fd, const struct iovec *pieces, int count) {
  struct open_file *file = file_of(fd);
  return file == NULL ? REAL(writev)(fd, pieces, count) : answer(each_piece(file, pieces, count, -1, true));
}

EXPORT ssize_t preadv64(int fd, const struct iovec *pieces, int count, off64_t at) {
  struct open_file *file = file_of(fd);
  return file == NULL ? REAL(preadv64)(fd, pieces, count, at) : answer(each_piece(file, pieces, count, at, false));
}

EXPORT ssize_t pwritev64(int fd, const struct iovec *pieces, int count, off64_t at) {
  struct open_file *file = file_of(fd);
  return file == NULL ? REAL(pwritev64)(fd, pieces, count, at) : answer(each_piece(file, pieces, count, at, true));
}

static off64_t seek(struct open_file *file, off64_t offset, int whence) {
  bool volume = file->device.kind == DEVICE_VOLUME;
  off64_t size = volume ? (off64_t)file->device.chip->state->used_bytes : (off64_t)file->device.size;
  if (file->updating) return -EBUSY;
  off64_t wanted = whence == SEEK_SET   ? offset
                   : whence == SEEK_CUR ? file->position + offset
                   : whence == SEEK_END ? size + offset
                                        : -1;
  if (wanted < 0 || wanted > size) return -EINVAL;
  return file->position = wanted;
}

EXPORT off64_t lseek64(int fd, off64_t offset, int whence) {
  struct open_file *file = file_of(fd);
  if (file == NULL) return REAL(lseek64)(fd, offset, whence);
  off64_t result = seek(file, offset, whence);
  if (result >= 0) return result;
  errno = (int)-result;
  return -1;
}

EXPORT off_t lseek(int fd, off_t offset, int whence) {
  return lseek64(fd, offset, whence);
}

/* EINVAL on MTD, which has no fsync; UBI has one. */
static int synchronise(struct open_file *file) {
  int result = fault_simple("sync", &file->device, 0, 0);
  if (result == 0 && file->device.kind == DEVICE_MTD) result = -EINVAL;
  log_operation(file->device.name, "sync", 0, 0, result);
  return result;
}

EXPORT int fsync(int fd) {
  struct open_file *file = file_of(fd);
  return file == NULL ? REAL(fsync)(fd) : (int)answer(synchronise(file));
}

EXPORT int fdatasync(int fd) {
  struct open_file *file = file_of(fd);
  return file == NULL ? REAL(fdatasync)(fd) : (int)answer(synchronise(file));
}

EXPORT int ioctl(int fd, unsigned long request, ...) {
  va_list rest;
  va_start(rest, request);
  void *argument = va_arg(rest, void *);
  va_end(rest);
  struct open_file *file = file_of(fd);
  if (file == NULL) return REAL(ioctl)(fd, request, argument);
  int result = file->device.kind == DEVICE_MTD      ? mtd_ioctl(file, request, argument)
               : file->device.kind == DEVICE_VOLUME ? ubi_ioctl(file, request, argument)
                                                    : -ENOTTY;
  return (int)answer(result);
}
