#include "linux-features.h"

#include "io.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "retry.h"

/* Bytes between two decisions whether a comparison needs the rest. */
#define STRIDE ((size_t)4096)

struct sys_result device_read(int fd, uint64_t offset, uint8_t *into, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t got;
    RETRY(got, pread(fd, into + done, length - done, (off_t)(offset + done)));
    if (got <= 0) return sys_failure("pread", got == 0 ? ENODATA : errno);
    done += (size_t)got;
  }
  return sys_success();
}

/* A write of nothing would be repeated for ever: the device is broken. */
static struct sys_result write_failure(const char *name, ssize_t got) {
  return sys_failure(name, got == 0 ? EIO : errno);
}

struct sys_result device_write(int fd, uint64_t offset, const uint8_t *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t got;
    RETRY(got, pwrite(fd, bytes + done, length - done, (off_t)(offset + done)));
    if (got <= 0) return write_failure("pwrite", got);
    done += (size_t)got;
  }
  return sys_success();
}

struct sys_result device_append(int fd, const uint8_t *bytes, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t got;
    RETRY(got, write(fd, bytes + done, length - done));
    if (got <= 0) return write_failure("write", got);
    done += (size_t)got;
  }
  return sys_success();
}

/* Whether a bit of `wanted` is set that is cleared in `flash`. */
static bool needs_set(const uint8_t *wanted, const uint8_t *flash, size_t length) {
  size_t missing = 0;
  size_t i = 0;
  for (; i + sizeof missing <= length; i += sizeof missing) {
    size_t want, have;
    /* Neither side is aligned; the compiler makes plain loads of these. */
    memcpy(&want, wanted + i, sizeof want);
    memcpy(&have, flash + i, sizeof have);
    missing |= want & ~have;
  }
  for (; i < length; i++) missing |= (size_t)(wanted[i] & (uint8_t)~flash[i]);
  return missing != 0;
}

static enum device_match match_of(const uint8_t *wanted, const uint8_t *flash, size_t length) {
  if (memcmp(wanted, flash, length) == 0) return DEVICE_SAME;
  for (size_t i = 0; i < length; i += STRIDE) {
    if (needs_set(wanted + i, flash + i, length - i < STRIDE ? length - i : STRIDE)) return DEVICE_DIFFERS;
  }
  return DEVICE_CLEARS;
}

struct sys_result device_compare(int fd, uint64_t offset, const uint8_t *bytes, size_t length, uint8_t *window,
                                 enum device_match *match) {
  enum device_match found = DEVICE_SAME;
  for (size_t done = 0; done < length && found != DEVICE_DIFFERS;) {
    size_t part = length - done < DEVICE_WINDOW_SIZE ? length - done : DEVICE_WINDOW_SIZE;
    struct sys_result result = device_read(fd, offset + done, window, part);
    if (result.error != 0) return result;
    enum device_match here = match_of(bytes + done, window, part);
    if (here > found) found = here;
    done += part;
  }
  *match = found;
  return sys_success();
}

struct sys_result device_sync(int fd) {
  int got;
  RETRY(got, fsync(fd));
  return got == 0 || errno == EINVAL ? sys_success() : sys_failure("fsync", errno);
}

struct sys_result device_settle(int fd, uint64_t offset, uint64_t length) {
  const unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  int written, dropped;
  /* Both calls take 0 for the rest of the file. */
  if (length == 0) return sys_success();
  RETRY(written, sync_file_range(fd, (off_t)offset, (off_t)length, all));
  int lost = written == 0 ? 0 : errno;
  /* posix_fadvise keeps pages that the range covers in part only: round to whole pages, a power of two. */
  uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
  uint64_t from = offset & ~(page - 1);
  uint64_t to = (offset + length + page - 1) & ~(page - 1);
  /*
   * After a failed write too: the kernel keeps the lost pages as clean, and the next read would get them and not what
   * the device has. posix_fadvise returns its error and does not set errno.
   */
  dropped = posix_fadvise(fd, (off_t)from, (off_t)(to - from), POSIX_FADV_DONTNEED);
  if (lost != 0) return sys_failure("sync_file_range", lost);
  return dropped == 0 ? sys_success() : sys_failure("posix_fadvise", dropped);
}
