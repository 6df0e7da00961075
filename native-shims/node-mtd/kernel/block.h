/* The ioctls of block devices. ENOTTY on what is no block device. result.h has the rules for all functions. */
#ifndef KERNEL_BLOCK_H
#define KERNEL_BLOCK_H

#include <stdbool.h>
#include <stdint.h>

#include "result.h"

struct block_info {
  uint64_t size;           /* BLKGETSIZE64, bytes */
  uint32_t logical_block;  /* BLKSSZGET, bytes: the unit of reads and writes */
  uint32_t physical_block; /* BLKPBSZGET, bytes: the unit that is written without a read */
  bool read_only;          /* BLKROGET */
};

SYS_MUST_CHECK struct sys_result block_get_info(int fd, struct block_info *info);

/**
 * BLKDISCARD: the range is not needed any more. What it reads as then depends on the device.
 * Errors: EOPNOTSUPP if the device has no discard; EINVAL if the range is not aligned to logical blocks or not on the
 * device; EBADF on a descriptor that is open for reading.
 */
SYS_MUST_CHECK struct sys_result block_discard(int fd, uint64_t offset, uint64_t length);

/** BLKZEROOUT: the range reads as zeros, by a command of the device if it has one. Errors: EINVAL, EBADF as above. */
SYS_MUST_CHECK struct sys_result block_zero(int fd, uint64_t offset, uint64_t length);

#endif
