/* The ioctls of block devices. */
#include <linux/fs.h>

#include "call.h"
#include "functions.h"
#include "syscalls.h"

static void execute_info(struct call *call) {
  /* BLKGETSIZE64 writes 64 bits, also where its number was made with a size_t of 32. */
  uint64_t size = 0;
  int logical = 0, read_only = 0;
  unsigned int physical = 0;
  if (call_ioctl(call, "BLKGETSIZE64", BLKGETSIZE64, &size) < 0 ||
      call_ioctl(call, "BLKSSZGET", BLKSSZGET, &logical) < 0 ||
      call_ioctl(call, "BLKPBSZGET", BLKPBSZGET, &physical) < 0 ||
      call_ioctl(call, "BLKROGET", BLKROGET, &read_only) < 0) {
    return;
  }
  call->out.block.size = size;
  call->out.block.logical = (uint32_t)logical;
  call->out.block.physical = physical;
  call->out.block.read_only = read_only != 0;
}

static napi_value result_info(napi_env env, const struct call *call) {
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok || !set_number(env, object, "size", call->out.block.size) ||
      !set_number(env, object, "logicalBlock", call->out.block.logical) ||
      !set_number(env, object, "physicalBlock", call->out.block.physical) ||
      !set_bool(env, object, "readOnly", call->out.block.read_only)) {
    return NULL;
  }
  return object;
}

napi_value block_info(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0)) call_start(&b, "BLKGETSIZE64", execute_info, result_info);
  return call_end(&b);
}

static void range_ioctl(struct call *call, const char *name, unsigned long request) {
  uint64_t range[2] = {call->offset, call->length};
  call_ioctl(call, name, request, range);
}

static void execute_discard(struct call *call) { range_ioctl(call, "BLKDISCARD", BLKDISCARD); }

static void execute_zero(struct call *call) { range_ioctl(call, "BLKZEROOUT", BLKZEROOUT); }

napi_value block_discard(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_offset(&b, 1) && arg_length(&b, 2)) {
    call_start(&b, "BLKDISCARD", execute_discard, NULL);
  }
  return call_end(&b);
}

napi_value block_zero(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_offset(&b, 1) && arg_length(&b, 2)) {
    call_start(&b, "BLKZEROOUT", execute_zero, NULL);
  }
  return call_end(&b);
}
