/*
 * One asynchronous call. JavaScript calls a function, the JavaScript thread checks its arguments, a thread of the pool
 * runs the kernel call, and the JavaScript thread settles the promise.
 */
#ifndef NODE_MTD_CALL_H
#define NODE_MTD_CALL_H

#define NAPI_VERSION 8
#include <node_api.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../kernel/block.h"
#include "../kernel/device.h"
#include "../kernel/io.h"
#include "../kernel/mtd.h"
#include "../kernel/result.h"
#include "handle.h"

#define MAX_ARGUMENTS 3

struct call;
struct begin;

/** Checks argument `i` (from 0) and stores it in the call. False: the promise is rejected. */
typedef bool argument_fn(struct begin *b, size_t i);
/** Starts the call whose arguments are stored, or rejects its promise. */
typedef void start_fn(struct begin *b);
/** Runs on a thread of the pool, without Node-API. */
typedef struct sys_result execute_fn(struct call *call);
/** Runs on the JavaScript thread after success; NULL with a pending exception if it fails. */
typedef napi_value result_fn(napi_env env, const struct call *call);

/** A function of the addon. */
struct function {
  const char *name;    /* in JavaScript */
  const char *syscall; /* named by errors of calls that did not reach the kernel */
  argument_fn *arguments[MAX_ARGUMENTS]; /* checked in this order; NULL: no more */
  start_fn *start;
  execute_fn *execute;
  result_fn *result; /* NULL: undefined */
};

struct call {
  const struct function *function;

  struct handle *handle;
  uint64_t offset;
  uint64_t length;
  uint8_t *bytes;
  char *path;
  int32_t leb;
  unsigned open_flags;
  bool flag;

  struct sys_result outcome;
  union {
    bool yes;
    enum device_match match;
    struct device_identity identity;
    struct mtd_info_user mtd;
    struct mtd_ecc_stats ecc;
    struct block_info block;
  } out;

  /* For the JavaScript thread only. */
  napi_deferred deferred;
  napi_async_work work;
  napi_ref keep_handle; /* neither may be collected while the call runs */
  napi_ref keep_bytes;
  struct call *next_closer;
};

/** A call from JavaScript until it is started. */
struct begin {
  napi_env env;
  struct call *call;  /* NULL once it is started or refused */
  napi_value promise; /* NULL if it could not be made: an exception is pending */
  napi_value argv[MAX_ARGUMENTS];
  napi_value handle_object;
  napi_value bytes_object;
};

/** The callback of every function; its data is the `struct function`. */
napi_value call_invoke(napi_env env, napi_callback_info info);

/** Starts a call on its handle. Refuses it with EBADF on a closed handle, with EBUSY while another call runs. */
start_fn call_start;
/** Starts `open`: `execute` opens the descriptor of a new handle, which is the result. */
start_fn call_start_open;
/** Starts `close`, which waits for the running call. */
start_fn call_start_close;

/** Rejects the promise with an errno of the function's system call; frees the call. */
void call_refuse(struct begin *b, int error);
/** Rejects the promise with `error`, or if that is NULL with the pending exception; frees the call. */
void call_reject(struct begin *b, napi_value error);
/** Clears the pending exception and returns it; NULL if there is none. */
napi_value take_exception(napi_env env);

#endif
