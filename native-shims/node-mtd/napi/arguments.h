/* Argument checks. A wrong argument rejects the promise with a TypeError or a RangeError. */
#ifndef NODE_MTD_ARGUMENTS_H
#define NODE_MTD_ARGUMENTS_H

#include "call.h"

/** A handle of this addon. */
argument_fn arg_handle;
/** Integers from 0 to 2^53 - 1, bytes. */
argument_fn arg_offset;
argument_fn arg_length;
/** An integer from 0 to 2^31 - 1. */
argument_fn arg_leb;
/** A Uint8Array on a buffer of fixed size. Sets `bytes` and `length`. */
argument_fn arg_bytes;
/** A string that is not empty and has no NUL. The call owns the copy. */
argument_fn arg_path;
/** true or false. */
argument_fn arg_flag;
/** An object with the booleans `write` and `exclusive`. */
argument_fn arg_open_flags;

#endif
