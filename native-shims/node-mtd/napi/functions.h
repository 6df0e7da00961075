/* The functions of the addon, as binding.ts has them. */
#ifndef NODE_MTD_FUNCTIONS_H
#define NODE_MTD_FUNCTIONS_H

#include "call.h"

extern const struct function FUNCTIONS[];
extern const size_t FUNCTION_COUNT;

#endif
