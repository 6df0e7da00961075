/* For the sources of kernel/ only: system calls that are repeated while a signal interrupts them. */
#ifndef KERNEL_RETRY_H
#define KERNEL_RETRY_H

#include <errno.h>
#include <stdbool.h>

#include "result.h"

/** Stores in `got` what `call` returns, once no signal interrupts it. */
#define RETRY(got, call) \
  do {                   \
    (got) = (call);      \
  } while ((got) < 0 && errno == EINTR)

/**
 * ioctl(2).
 * @param name - of the request, for the result
 * @param yes - whether the kernel returned a number above 0, as the requests that ask a question do; may be NULL
 */
SYS_MUST_CHECK struct sys_result retry_ioctl(int fd, const char *name, unsigned long request, void *argument,
                                             bool *yes);

#endif
