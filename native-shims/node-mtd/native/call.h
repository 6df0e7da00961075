/*
 * One asynchronous call: JavaScript calls a function, its arguments are checked on the JavaScript thread, the system
 * calls run on a thread of the pool, and the promise is settled back on the JavaScript thread.
 */
#ifndef NODE_MTD_CALL_H
#define NODE_MTD_CALL_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handle.h"

#define ERROR_TEXT_SIZE 160

struct call;

/* Runs on a thread of the pool: no N-API there. Sets `error` and `syscall` when it fails. */
typedef void execute_fn(struct call *call);

/* Runs on the JavaScript thread after success; NULL with a pending exception when it fails. */
typedef napi_value result_fn(napi_env env, const struct call *call);

struct call {
  execute_fn *execute;
  result_fn *result; /* NULL: undefined */

  struct handle *handle;
  uint64_t offset;
  uint64_t length;
  uint8_t *bytes;
  char *path;
  int32_t leb;
  bool flag;
  bool exclusive;

  int error;           /* errno; 0: success */
  const char *syscall; /* what failed */
  union {
    bool yes;
    uint8_t match;
    struct {
      char kind; /* c, b, f, o */
      uint32_t major, minor;
      uint64_t size;
    } identity;
    struct {
      uint32_t type, flags, size, erase_size, write_size, oob_size;
    } mtd;
    struct {
      uint32_t corrected, failed, bad, bbt;
    } ecc;
    struct {
      uint64_t size;
      uint32_t logical, physical;
      bool read_only;
    } block;
  } out;

  /* Of the JavaScript thread alone. */
  napi_deferred deferred;
  napi_async_work work;
  napi_ref keep_handle; /* so that neither is collected while the call runs */
  napi_ref keep_bytes;
  struct call *next_closer;
};

/* Says in a call that `syscall` failed with `error`. */
static inline void call_fail(struct call *call, const char *syscall, int error) {
  call->syscall = syscall;
  call->error = error;
}

/*
 * The frame of every function of the addon. A wrapper is
 *
 *   struct begin b;
 *   if (call_begin(env, info, &b) && arg_handle(&b, 0)) call_start(&b, "name", execute, result);
 *   return call_end(&b);
 *
 * The arg_ functions store into b.call, and on false have rejected the promise with a TypeError or RangeError.
 */
struct begin {
  napi_env env;
  struct call *call;  /* NULL once it is started or refused */
  napi_value promise; /* NULL when not even that could be made: an exception is pending */
  napi_value argv[3];
  napi_value handle_object;
  napi_value bytes_object;
};

bool call_begin(napi_env env, napi_callback_info info, struct begin *b);
bool arg_handle(struct begin *b, size_t i);
bool arg_offset(struct begin *b, size_t i);
bool arg_length(struct begin *b, size_t i);
bool arg_leb(struct begin *b, size_t i);
bool arg_bytes(struct begin *b, size_t i);
bool arg_path(struct begin *b, size_t i);
bool arg_flag(struct begin *b, size_t i);
bool arg_open_flags(struct begin *b, size_t i);
/* Starts the call on its handle; refuses it with EBADF or EBUSY. */
void call_start(struct begin *b, const char *name, execute_fn *execute, result_fn *result);
/* Starts `close`, which waits for the call that runs. */
void call_start_close(struct begin *b);
/* Starts `open`: `execute` puts a descriptor into the handle, which is the result. */
void call_start_open(struct begin *b, execute_fn *execute);
/* What the wrapper returns. */
napi_value call_end(struct begin *b);

/* Results. */
napi_value result_yes(napi_env env, const struct call *call);
bool set_number(napi_env env, napi_value object, const char *key, uint64_t number);
bool set_bool(napi_env env, napi_value object, const char *key, bool value);

#endif
