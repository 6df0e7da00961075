#include "linux-features.h"

#include "block.h"

#include <linux/fs.h>

#include "retry.h"

struct sys_result block_get_info(int fd, struct block_info *info) {
  /* BLKGETSIZE64 writes 64 bits, even where its number was made with a 32-bit size_t. */
  uint64_t size = 0;
  int logical = 0, read_only = 0;
  unsigned int physical = 0;
  struct sys_result result = retry_ioctl(fd, "BLKGETSIZE64", BLKGETSIZE64, &size, NULL);
  if (result.error == 0) result = retry_ioctl(fd, "BLKSSZGET", BLKSSZGET, &logical, NULL);
  if (result.error == 0) result = retry_ioctl(fd, "BLKPBSZGET", BLKPBSZGET, &physical, NULL);
  if (result.error == 0) result = retry_ioctl(fd, "BLKROGET", BLKROGET, &read_only, NULL);
  if (result.error == 0) *info = (struct block_info){size, (uint32_t)logical, physical, read_only != 0};
  return result;
}

static struct sys_result range_ioctl(int fd, const char *name, unsigned long request, uint64_t offset,
                                     uint64_t length) {
  uint64_t range[2] = {offset, length};
  return retry_ioctl(fd, name, request, range, NULL);
}

struct sys_result block_discard(int fd, uint64_t offset, uint64_t length) {
  return range_ioctl(fd, "BLKDISCARD", BLKDISCARD, offset, length);
}

struct sys_result block_zero(int fd, uint64_t offset, uint64_t length) {
  return range_ioctl(fd, "BLKZEROOUT", BLKZEROOUT, offset, length);
}
