/* The ioctls of MTD character devices. */
#include <errno.h>
#include <linux/ioctl.h>
#include <mtd/mtd-user.h>
#include <string.h>

#include "call.h"
#include "functions.h"
#include "syscalls.h"

static void execute_info(struct call *call) {
  struct mtd_info_user got;
  memset(&got, 0, sizeof got);
  if (call_ioctl(call, "MEMGETINFO", MEMGETINFO, &got) < 0) return;
  call->out.mtd.type = got.type;
  call->out.mtd.flags = got.flags;
  call->out.mtd.size = got.size;
  call->out.mtd.erase_size = got.erasesize;
  call->out.mtd.write_size = got.writesize;
  call->out.mtd.oob_size = got.oobsize;
}

static napi_value result_info(napi_env env, const struct call *call) {
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok || !set_number(env, object, "type", call->out.mtd.type) ||
      !set_number(env, object, "flags", call->out.mtd.flags) || !set_number(env, object, "size", call->out.mtd.size) ||
      !set_number(env, object, "eraseSize", call->out.mtd.erase_size) ||
      !set_number(env, object, "writeSize", call->out.mtd.write_size) ||
      !set_number(env, object, "oobSize", call->out.mtd.oob_size)) {
    return NULL;
  }
  return object;
}

napi_value mtd_info(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0)) call_start(&b, "MEMGETINFO", execute_info, result_info);
  return call_end(&b);
}

/* The range of a call for the ioctls of 32 bits; EOVERFLOW when it does not end within them. */
static bool range32(struct call *call, const char *name, struct erase_info_user *range) {
  /* Neither is above 2^53, so that the sum is exact. */
  if (call->offset > UINT32_MAX || call->length > UINT32_MAX || call->offset + call->length > UINT64_C(1) << 32) {
    call_fail(call, name, EOVERFLOW);
    return false;
  }
  range->start = (uint32_t)call->offset;
  range->length = (uint32_t)call->length;
  return true;
}

static void execute_erase(struct call *call) {
  struct erase_info_user64 range = {.start = call->offset, .length = call->length};
  struct erase_info_user old;
  if (call_ioctl(call, "MEMERASE64", MEMERASE64, &range) >= 0 || call->error != ENOTTY) return;
  /* Linux before 2.6.31 and drivers of its kind. */
  if (!range32(call, "MEMERASE64", &old)) return;
  call->error = 0;
  call_ioctl(call, "MEMERASE", MEMERASE, &old);
}

napi_value mtd_erase(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_offset(&b, 1) && arg_length(&b, 2)) {
    call_start(&b, "MEMERASE64", execute_erase, NULL);
  }
  return call_end(&b);
}

static void execute_is_bad(struct call *call) {
  __kernel_loff_t offset = (__kernel_loff_t)call->offset;
  call->out.yes = call_ioctl(call, "MEMGETBADBLOCK", MEMGETBADBLOCK, &offset) > 0;
}

napi_value mtd_is_bad(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_offset(&b, 1)) {
    call_start(&b, "MEMGETBADBLOCK", execute_is_bad, result_yes);
  }
  return call_end(&b);
}

static void execute_mark_bad(struct call *call) {
  __kernel_loff_t offset = (__kernel_loff_t)call->offset;
  call_ioctl(call, "MEMSETBADBLOCK", MEMSETBADBLOCK, &offset);
}

napi_value mtd_mark_bad(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_offset(&b, 1)) {
    call_start(&b, "MEMSETBADBLOCK", execute_mark_bad, NULL);
  }
  return call_end(&b);
}

static int lock_ioctl(struct call *call, const char *name, unsigned long request) {
  struct erase_info_user range;
  return range32(call, name, &range) ? call_ioctl(call, name, request, &range) : -1;
}

static void execute_lock(struct call *call) { lock_ioctl(call, "MEMLOCK", MEMLOCK); }

static void execute_unlock(struct call *call) { lock_ioctl(call, "MEMUNLOCK", MEMUNLOCK); }

static void execute_is_locked(struct call *call) {
  call->out.yes = lock_ioctl(call, "MEMISLOCKED", MEMISLOCKED) > 0;
}

napi_value mtd_lock(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_offset(&b, 1) && arg_length(&b, 2)) {
    call_start(&b, "MEMLOCK", execute_lock, NULL);
  }
  return call_end(&b);
}

napi_value mtd_unlock(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_offset(&b, 1) && arg_length(&b, 2)) {
    call_start(&b, "MEMUNLOCK", execute_unlock, NULL);
  }
  return call_end(&b);
}

napi_value mtd_is_locked(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_offset(&b, 1) && arg_length(&b, 2)) {
    call_start(&b, "MEMISLOCKED", execute_is_locked, result_yes);
  }
  return call_end(&b);
}

static void execute_ecc_stats(struct call *call) {
  struct mtd_ecc_stats got;
  memset(&got, 0, sizeof got);
  if (call_ioctl(call, "ECCGETSTATS", ECCGETSTATS, &got) < 0) return;
  call->out.ecc.corrected = got.corrected;
  call->out.ecc.failed = got.failed;
  call->out.ecc.bad = got.badblocks;
  call->out.ecc.bbt = got.bbtblocks;
}

static napi_value result_ecc_stats(napi_env env, const struct call *call) {
  napi_value object;
  if (napi_create_object(env, &object) != napi_ok ||
      !set_number(env, object, "corrected", call->out.ecc.corrected) ||
      !set_number(env, object, "failed", call->out.ecc.failed) || !set_number(env, object, "bad", call->out.ecc.bad) ||
      !set_number(env, object, "bbt", call->out.ecc.bbt)) {
    return NULL;
  }
  return object;
}

napi_value mtd_ecc_stats(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0)) {
    call_start(&b, "ECCGETSTATS", execute_ecc_stats, result_ecc_stats);
  }
  return call_end(&b);
}
