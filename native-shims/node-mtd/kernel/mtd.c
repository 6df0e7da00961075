#include "linux-features.h"

#include "mtd.h"

#include <linux/ioctl.h>
#include <string.h>

#include "retry.h"

struct sys_result mtd_get_info(int fd, struct mtd_info_user *info) {
  memset(info, 0, sizeof *info);
  return retry_ioctl(fd, "MEMGETINFO", MEMGETINFO, info, NULL);
}

/* The range of a request that has 32 bits; false if it does not end within them. */
static bool to_range32(uint64_t offset, uint64_t length, struct erase_info_user *range) {
  if (offset > UINT32_MAX || length > UINT32_MAX || offset + length > UINT64_C(1) << 32) return false;
  range->start = (uint32_t)offset;
  range->length = (uint32_t)length;
  return true;
}

struct sys_result mtd_erase(int fd, uint64_t offset, uint64_t length) {
  struct erase_info_user64 range = {.start = offset, .length = length};
  struct erase_info_user range32;
  struct sys_result result = retry_ioctl(fd, "MEMERASE64", MEMERASE64, &range, NULL);
  /* ENOTTY: Linux before 2.6.31. */
  if (result.error != ENOTTY) return result;
  if (!to_range32(offset, length, &range32)) return sys_failure("MEMERASE64", EOVERFLOW);
  return retry_ioctl(fd, "MEMERASE", MEMERASE, &range32, NULL);
}

struct sys_result mtd_is_bad(int fd, uint64_t offset, bool *bad) {
  __kernel_loff_t at = (__kernel_loff_t)offset;
  return retry_ioctl(fd, "MEMGETBADBLOCK", MEMGETBADBLOCK, &at, bad);
}

struct sys_result mtd_mark_bad(int fd, uint64_t offset) {
  __kernel_loff_t at = (__kernel_loff_t)offset;
  return retry_ioctl(fd, "MEMSETBADBLOCK", MEMSETBADBLOCK, &at, NULL);
}

static struct sys_result lock_ioctl(int fd, const char *name, unsigned long request, uint64_t offset, uint64_t length,
                                    bool *yes) {
  struct erase_info_user range;
  if (!to_range32(offset, length, &range)) return sys_failure(name, EOVERFLOW);
  return retry_ioctl(fd, name, request, &range, yes);
}

struct sys_result mtd_lock(int fd, uint64_t offset, uint64_t length) {
  return lock_ioctl(fd, "MEMLOCK", MEMLOCK, offset, length, NULL);
}

struct sys_result mtd_unlock(int fd, uint64_t offset, uint64_t length) {
  return lock_ioctl(fd, "MEMUNLOCK", MEMUNLOCK, offset, length, NULL);
}

struct sys_result mtd_is_locked(int fd, uint64_t offset, uint64_t length, bool *locked) {
  return lock_ioctl(fd, "MEMISLOCKED", MEMISLOCKED, offset, length, locked);
}

struct sys_result mtd_get_ecc_stats(int fd, struct mtd_ecc_stats *stats) {
  memset(stats, 0, sizeof *stats);
  return retry_ioctl(fd, "ECCGETSTATS", ECCGETSTATS, stats, NULL);
}
