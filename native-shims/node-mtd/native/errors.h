/* JavaScript errors for errno. */
#ifndef NODE_MTD_ERRORS_H
#define NODE_MTD_ERRORS_H

#define NAPI_VERSION 8
#include <node_api.h>

/* An Error with code, errno (negative), syscall and a message; `path` may be NULL. NULL when it cannot be made. */
napi_value system_error(napi_env env, int error, const char *syscall, const char *path);

#endif
