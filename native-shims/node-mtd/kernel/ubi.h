/*
 * The ioctls of UBI volumes. Every function fails with ENOTTY on what is no UBI volume. Those that change a volume fail
 * with EROFS on a descriptor that is open for reading. LEB numbers start at 0; a number that the volume does not have
 * is EINVAL. After an interrupted update the functions on LEBs fail with EBADF. result.h has the rules for all
 * functions.
 */
#ifndef KERNEL_UBI_H
#define KERNEL_UBI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "result.h"

/**
 * UBI_IOCVOLUP: starts an update of `length` bytes, which device_append then writes. The old content is gone, and the
 * volume cannot be read until all bytes are written. A length of 0 wipes the volume.
 * Errors: EBUSY if another descriptor is open on the volume, EINVAL if the volume is smaller.
 */
SYS_MUST_CHECK struct sys_result ubi_start_update(int fd, uint64_t length);

/**
 * UBI_IOCEBCH and the write of `bytes`: the LEB has the old content or the new one, even after a power cut. Dynamic
 * volumes only. After a failure the caller must close the descriptor: the kernel still expects the rest of the bytes.
 * Errors: EBUSY if another descriptor is open on the volume, EINVAL if the LEB is smaller, EROFS on a static volume,
 * EOVERFLOW above 2^31 - 1 bytes.
 */
SYS_MUST_CHECK struct sys_result ubi_change_leb(int fd, int32_t leb, const uint8_t *bytes, size_t length);

/** UBI_IOCEBER: unmaps the LEB, which then reads as 0xff, and waits for the erase. Dynamic volumes only. */
SYS_MUST_CHECK struct sys_result ubi_erase_leb(int fd, int32_t leb);

/** UBI_IOCEBUNMAP: unmaps the LEB. The old content may be back after a power cut. Dynamic volumes only. */
SYS_MUST_CHECK struct sys_result ubi_unmap_leb(int fd, int32_t leb);

/** UBI_IOCEBISMAP: whether the LEB has a block. */
SYS_MUST_CHECK struct sys_result ubi_is_mapped(int fd, int32_t leb, bool *mapped);

/** UBI_IOCSETVOLPROP: whether device_write may write to erased LEBs of a dynamic volume; EPERM otherwise. */
SYS_MUST_CHECK struct sys_result ubi_set_direct_write(int fd, bool allowed);

#endif
