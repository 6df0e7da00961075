/*
 * Opening, identifying and locking a flash device. A descriptor is a plain file descriptor that the caller owns from
 * device_open to device_close. result.h has the rules for all functions.
 */
#ifndef KERNEL_DEVICE_H
#define KERNEL_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "result.h"

enum device_open_flags {
  DEVICE_WRITE = 1,     /* for reading and writing; otherwise for reading */
  DEVICE_EXCLUSIVE = 2, /* O_EXCL: EBUSY if a block device is mounted or claimed in the kernel */
};

enum device_kind { DEVICE_CHAR, DEVICE_BLOCK, DEVICE_FILE, DEVICE_OTHER };

struct device_identity {
  enum device_kind kind;
  uint32_t major, minor; /* of the device that the node stands for; 0 for files */
  uint64_t size;         /* bytes of a file; 0 for devices */
};

/**
 * Opens a device node or a file, with O_CLOEXEC.
 * @param path - not interpreted
 * @param flags - of enum device_open_flags
 * @param fd - the descriptor, which the caller must close with device_close
 * Errors: those of open(2); ENXIO for a FIFO.
 */
SYS_MUST_CHECK struct sys_result device_open(const char *path, unsigned flags, int *fd);

/** Closes a descriptor and frees its locks. It is gone even after an error, and must not be closed again. */
struct sys_result device_close(int fd);

/** What a descriptor is open on. Failures name the call "fstat". */
SYS_MUST_CHECK struct sys_result device_identify(int fd, struct device_identity *identity);

/**
 * Takes the advisory lock of the node (flock) without waiting. It lasts until the descriptor is closed, or the process
 * ends.
 * @param shared - compatible with other shared locks; otherwise with no other lock
 * @param locked - false: another descriptor has a lock that is not compatible
 */
SYS_MUST_CHECK struct sys_result device_try_lock(int fd, bool shared, bool *locked);

#endif
