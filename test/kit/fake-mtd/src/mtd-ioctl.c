#define _GNU_SOURCE
#include "fake.h"
#include <errno.h>
#include <linux/types.h>
#include <mtd/mtd-abi.h>
#include <string.h>
#include <sys/ioctl.h>

/* Requests that mtdchar_ioctl allows only on a descriptor that is open for writing. */
static bool needs_writing(unsigned long request) {
  switch (request) {
    case MEMERASE:
    case MEMERASE64:
    case MEMLOCK:
    case MEMUNLOCK:
    case MEMSETBADBLOCK:
    case MEMWRITE:
    case MEMWRITEOOB:
    case MEMWRITEOOB64:
      return true;
    default:
      return false;
  }
}

static int get_info(const struct device *device, struct mtd_info_user *info) {
  int failed = fault_simple("info", device, 0, 0);
  if (failed != 0) return failed;
  memset(info, 0, sizeof *info);
  info->type = device->type;
  info->flags = device->flags;
  info->size = (uint32_t)device->size; /* truncated to 32 bits, as in the kernel */
  info->erasesize = device->erase_size;
  info->writesize = device->write_size;
  info->oobsize = device->oob_size;
  return 0;
}

static int get_ecc_stats(const struct device *device, struct mtd_ecc_stats *stats) {
  int failed = fault_simple("eccstats", device, 0, 0);
  if (failed != 0) return failed;
  memset(stats, 0, sizeof *stats);
  stats->corrected = device->chip->state->corrected[device->index];
  stats->failed = device->chip->state->failed[device->index];
  stats->badblocks = device_bad_blocks(device);
  return 0;
}

/* How nandwrite programs a page. The fake keeps no spare area. */
static int write_request(struct open_file *file, const struct mtd_write_req *request) {
  if (file->device.oob_size == 0) return -EOPNOTSUPP;
  if (request->usr_oob != 0 || request->usr_data == 0) return -EOPNOTSUPP;
  const void *bytes = (const void *)(uintptr_t)request->usr_data;
  ssize_t done = mtd_write(file, bytes, request->len, request->start);
  log_operation(file->device.name, "write", request->start, request->len, done);
  return done < 0 ? (int)done : 0;
}

static int logged(const struct open_file *file, const char *operation, uint64_t at, uint64_t length, int result) {
  log_operation(file->device.name, operation, at, length, result);
  return result;
}

int mtd_ioctl(struct open_file *file, unsigned long request, void *argument) {
  const struct device *device = &file->device;
  if (needs_writing(request) && !file->writable) return logged(file, "not-permitted", 0, 0, -EPERM);
  const struct erase_info_user *range = argument;
  switch (request) {
    case MEMGETINFO:
      return get_info(device, argument);
    case MEMGETREGIONCOUNT:
      *(int *)argument = 0;
      return 0;
    case MEMERASE:
      return logged(file, "erase", range->start, range->length, mtd_erase(file, range->start, range->length));
    case MEMERASE64: {
      if (!device->erase64) return -ENOTTY;
      const struct erase_info_user64 *wide = argument;
      return logged(file, "erase", wide->start, wide->length, mtd_erase(file, wide->start, wide->length));
    }
    case MEMGETBADBLOCK:
    case MEMSETBADBLOCK: {
      int64_t at = *(const __kernel_loff_t *)argument;
      bool mark = request == MEMSETBADBLOCK;
      return logged(file, mark ? "markbad" : "isbad", at, 0, mtd_bad_block(file, at, mark));
    }
    case MEMLOCK:
    case MEMUNLOCK:
    case MEMISLOCKED: {
      const char *name = request == MEMLOCK ? "lock" : request == MEMUNLOCK ? "unlock" : "islocked";
      int result = mtd_locks(file, request, range->start, range->length);
      return logged(file, name, range->start, range->length, result);
    }
    case ECCGETSTATS:
      return logged(file, "eccstats", 0, 0, get_ecc_stats(device, argument));
    case MEMWRITE:
      return write_request(file, argument);
    case MTDFILEMODE: {
      unsigned long mode = (unsigned long)argument;
      return mode == MTD_FILE_MODE_NORMAL || mode == MTD_FILE_MODE_RAW ? 0 : -EOPNOTSUPP;
    }
    case MEMWRITEOOB:
    case MEMWRITEOOB64:
    case MEMREADOOB:
    case MEMREADOOB64:
    case MEMGETOOBSEL:
    case ECCGETLAYOUT:
    case OTPSELECT:
      return -EOPNOTSUPP;
    default:
      return logged(file, "unknown-ioctl", request, 0, -ENOTTY);
  }
}
