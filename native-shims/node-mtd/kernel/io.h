/* Reading, writing and comparing the bytes of an open device. result.h has the rules for all functions. */
#ifndef KERNEL_IO_H
#define KERNEL_IO_H

#include <stddef.h>
#include <stdint.h>

#include "result.h"

/** How the flash content relates to wanted bytes. The order counts: a later one includes those before. */
enum device_match {
  DEVICE_SAME = 0,    /* equal */
  DEVICE_CLEARS = 1,  /* different, but a program without an erase would do: it only has to clear bits */
  DEVICE_DIFFERS = 2, /* some bit has to be set */
};

/* Bytes of the buffer of device_compare: one erase block of common NOR chips. Larger reads were not faster. */
#define DEVICE_WINDOW_SIZE ((size_t)64 * 1024)

/** Fills `into`. Errors: ENODATA if the device ends before; those of pread(2). */
SYS_MUST_CHECK struct sys_result device_read(int fd, uint64_t offset, uint8_t *into, size_t length);

/** Writes all of `bytes`. Errors: EIO if the kernel accepts no byte; those of pwrite(2). Part may be written then. */
SYS_MUST_CHECK struct sys_result device_write(int fd, uint64_t offset, const uint8_t *bytes, size_t length);

/** Writes all of `bytes` at the file position, which moves. Errors: as device_write, of write(2). */
SYS_MUST_CHECK struct sys_result device_append(int fd, const uint8_t *bytes, size_t length);

/**
 * Reads `length` bytes and compares them with `bytes`. Reads no further than the answer needs.
 * @param window - DEVICE_WINDOW_SIZE bytes to read into; one for each descriptor that is compared at the same time
 * Errors: as device_read.
 */
SYS_MUST_CHECK struct sys_result device_compare(int fd, uint64_t offset, const uint8_t *bytes, size_t length,
                                                uint8_t *window, enum device_match *match);

/** fsync(2). Success on what has no fsync: MTD character devices write through and return EINVAL. */
SYS_MUST_CHECK struct sys_result device_sync(int fd);

/**
 * Writes the dirty pages of the range to the device, waits, and drops the range from the page cache, so that the next
 * read asks the device. Pages that could not be written are dropped too. Does not flush the cache of the device itself,
 * as device_sync does. A length of 0 does nothing.
 * Errors: ESPIPE on character devices; those of sync_file_range(2) and posix_fadvise(2).
 */
SYS_MUST_CHECK struct sys_result device_settle(int fd, uint64_t offset, uint64_t length);

#endif
