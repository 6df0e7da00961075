/*
 * The ioctls of MTD character devices. Every function fails with ENOTTY on what is no MTD. On a descriptor that is open
 * for reading, mtd_erase fails with EPERM; so do mtd_mark_bad, mtd_lock and mtd_unlock since Linux 5.9. result.h has
 * the rules for all functions.
 */
#ifndef KERNEL_MTD_H
#define KERNEL_MTD_H

#include <mtd/mtd-user.h>
#include <stdbool.h>
#include <stdint.h>

#include "result.h"

/** MEMGETINFO. Sizes are bytes in 32 bits: only sysfs has the size of a device above 4 GiB. */
SYS_MUST_CHECK struct sys_result mtd_get_info(int fd, struct mtd_info_user *info);

/**
 * Erases whole blocks. MEMERASE64; MEMERASE on kernels without it.
 * Errors: EINVAL if the range is not aligned to erase blocks or not on the device, EIO on a bad block or if the erase
 * fails, EROFS if a block is locked, EOVERFLOW if the kernel lacks MEMERASE64 and the range ends above 4 GiB.
 */
SYS_MUST_CHECK struct sys_result mtd_erase(int fd, uint64_t offset, uint64_t length);

/**
 * MEMGETBADBLOCK: whether the block that has `offset` is marked bad. Chips without bad blocks: false, or EOPNOTSUPP
 * from older kernels.
 */
SYS_MUST_CHECK struct sys_result mtd_is_bad(int fd, uint64_t offset, bool *bad);

/** MEMSETBADBLOCK: marks the block that has `offset` bad, for good. EOPNOTSUPP from chips without bad blocks. */
SYS_MUST_CHECK struct sys_result mtd_mark_bad(int fd, uint64_t offset);

/**
 * MEMLOCK, MEMUNLOCK: write protection of the blocks of a range, in the chip.
 * Errors: EOPNOTSUPP or 524 (the kernel's ENOTSUPP) from chips without it, EOVERFLOW if the range ends above 4 GiB.
 */
SYS_MUST_CHECK struct sys_result mtd_lock(int fd, uint64_t offset, uint64_t length);
SYS_MUST_CHECK struct sys_result mtd_unlock(int fd, uint64_t offset, uint64_t length);

/** MEMISLOCKED: whether all of the range is protected from writes. Errors: as mtd_lock. */
SYS_MUST_CHECK struct sys_result mtd_is_locked(int fd, uint64_t offset, uint64_t length, bool *locked);

/** ECCGETSTATS: counts since the device was attached. Zeros from chips without ECC. */
SYS_MUST_CHECK struct sys_result mtd_get_ecc_stats(int fd, struct mtd_ecc_stats *stats);

#endif
