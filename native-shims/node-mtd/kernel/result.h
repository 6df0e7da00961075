/*
 * The result of a kernel call. Every function of kernel/ that asks the kernel for something returns one, and keeps
 * these rules:
 *
 * - Offsets and lengths are bytes. `offset + length` must not exceed 2^63 - 1.
 * - The function blocks until the kernel has finished. A host with an event loop calls it on another thread.
 * - There is no global state, so any thread may call it. Calls on one descriptor may run at the same time, except
 *   device_append and ubi_change_leb, which use its file position.
 * - Memory belongs to the caller, and no pointer is kept after the return. Outputs are valid after success only.
 * - A call that a signal interrupts is repeated, and a short read or write is continued.
 */
#ifndef KERNEL_RESULT_H
#define KERNEL_RESULT_H

#include <stddef.h>

struct sys_result {
  int error;           /* errno, positive; 0: success */
  const char *syscall; /* what failed, such as "pread" or "MEMERASE64": a literal; NULL after success */
};

static inline struct sys_result sys_success(void) { return (struct sys_result){0, NULL}; }

static inline struct sys_result sys_failure(const char *syscall, int error) {
  return (struct sys_result){error, syscall};
}

/* The compiler warns if the caller ignores the result. */
#define SYS_MUST_CHECK __attribute__((warn_unused_result))

/* Bytes that sys_error_name needs. */
#define SYS_ERROR_NAME_SIZE 16

/**
 * The name of a positive errno, such as "EIO"; "E524" for an errno that has no name in the C library.
 * Returns a literal, or `buffer`.
 */
const char *sys_error_name(int error, char buffer[SYS_ERROR_NAME_SIZE]);

/**
 * Writes the message of a failed call, such as "ENOENT: No such file or directory, open '/dev/mtd9'". Without `path`
 * (NULL) it ends after the name of the call.
 * Writes at most `size` bytes with the NUL, as snprintf does, and returns the length of the whole message without it.
 */
size_t sys_message(struct sys_result result, const char *path, char *into, size_t size);

#endif
