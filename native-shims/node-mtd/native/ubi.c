/* The ioctls of UBI volumes. */
#include <errno.h>
#include <linux/ioctl.h>
#include <mtd/ubi-user.h>
#include <string.h>

#include "call.h"
#include "functions.h"
#include "syscalls.h"

/* A hint of kernels before 3.7, which refuse others than 1 to 3; 3 was "unknown". Younger ones do not look at it. */
#define DATA_TYPE_UNKNOWN 3

static void execute_start_update(struct call *call) {
  int64_t bytes = (int64_t)call->length;
  call_ioctl(call, "UBI_IOCVOLUP", UBI_IOCVOLUP, &bytes);
}

napi_value ubi_start_update(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_length(&b, 1)) {
    call_start(&b, "UBI_IOCVOLUP", execute_start_update, NULL);
  }
  return call_end(&b);
}

static void execute_append(struct call *call) { write_all(call, call->bytes, (size_t)call->length); }

napi_value ubi_append(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_bytes(&b, 1)) {
    call_start(&b, "write", execute_append, NULL);
  }
  return call_end(&b);
}

static void execute_change_leb(struct call *call) {
  /* The kernel copies all 16 bytes of it, although the ioctl's number says 4: no smaller variable will do. */
  struct ubi_leb_change_req request;
  if (call->length > INT32_MAX) {
    call_fail(call, "UBI_IOCEBCH", EOVERFLOW);
    return;
  }
  memset(&request, 0, sizeof request);
  request.lnum = call->leb;
  request.bytes = (int32_t)call->length;
  request.dtype = DATA_TYPE_UNKNOWN;
  if (call_ioctl(call, "UBI_IOCEBCH", UBI_IOCEBCH, &request) >= 0) {
    write_all(call, call->bytes, (size_t)call->length);
  }
}

napi_value ubi_change_leb(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_leb(&b, 1) && arg_bytes(&b, 2)) {
    call_start(&b, "UBI_IOCEBCH", execute_change_leb, NULL);
  }
  return call_end(&b);
}

static void execute_erase_leb(struct call *call) { call_ioctl(call, "UBI_IOCEBER", UBI_IOCEBER, &call->leb); }

napi_value ubi_erase_leb(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_leb(&b, 1)) {
    call_start(&b, "UBI_IOCEBER", execute_erase_leb, NULL);
  }
  return call_end(&b);
}

static void execute_unmap_leb(struct call *call) { call_ioctl(call, "UBI_IOCEBUNMAP", UBI_IOCEBUNMAP, &call->leb); }

napi_value ubi_unmap_leb(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_leb(&b, 1)) {
    call_start(&b, "UBI_IOCEBUNMAP", execute_unmap_leb, NULL);
  }
  return call_end(&b);
}

static void execute_is_mapped(struct call *call) {
  call->out.yes = call_ioctl(call, "UBI_IOCEBISMAP", UBI_IOCEBISMAP, &call->leb) > 0;
}

napi_value ubi_is_mapped(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_leb(&b, 1)) {
    call_start(&b, "UBI_IOCEBISMAP", execute_is_mapped, result_yes);
  }
  return call_end(&b);
}

static void execute_direct_write(struct call *call) {
  struct ubi_set_vol_prop_req request;
  memset(&request, 0, sizeof request);
  request.property = UBI_VOL_PROP_DIRECT_WRITE;
  request.value = call->flag ? 1 : 0;
  call_ioctl(call, "UBI_IOCSETVOLPROP", UBI_IOCSETVOLPROP, &request);
}

napi_value ubi_direct_write(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_flag(&b, 1)) {
    call_start(&b, "UBI_IOCSETVOLPROP", execute_direct_write, NULL);
  }
  return call_end(&b);
}
