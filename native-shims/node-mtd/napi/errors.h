/* JavaScript errors for failed system calls. */
#ifndef NODE_MTD_ERRORS_H
#define NODE_MTD_ERRORS_H

#define NAPI_VERSION 8
#include <node_api.h>

#include "../kernel/result.h"

/**
 * An Error with `code`, `errno` (negative), `syscall` and a message; with `path` too, unless that is NULL.
 * NULL if it cannot be made.
 */
napi_value system_error(napi_env env, struct sys_result result, const char *path);

#endif
