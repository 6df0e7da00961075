/*
 * Included first by every source of kernel/. Makes Linux interfaces visible beside those of C11, and file offsets
 * 64 bits wide on 32-bit processors, whatever flags the host is compiled with.
 */
#ifndef KERNEL_LINUX_FEATURES_H
#define KERNEL_LINUX_FEATURES_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#ifndef _FILE_OFFSET_BITS
#define _FILE_OFFSET_BITS 64
#endif

#include <sys/types.h>

_Static_assert(sizeof(off_t) == 8, "flash offsets need a 64-bit off_t");

#endif
