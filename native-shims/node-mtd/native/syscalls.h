/* System calls that go on after a signal, and with what a short read or write left over. */
#ifndef NODE_MTD_SYSCALLS_H
#define NODE_MTD_SYSCALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct call;

/* ioctl(2) on the call's handle; `name` is for the error. Negative and the call failed, or what the kernel returned. */
int call_ioctl(struct call *call, const char *name, unsigned long request, void *argument);
/* Reads all of a range; the end of the device is ENODATA. */
bool read_all(struct call *call, uint64_t offset, uint8_t *into, size_t length);
/* Writes all bytes at an offset. */
bool write_all_at(struct call *call, uint64_t offset, const uint8_t *bytes, size_t length);
/* Writes all bytes at the file position. */
bool write_all(struct call *call, const uint8_t *bytes, size_t length);

#endif
