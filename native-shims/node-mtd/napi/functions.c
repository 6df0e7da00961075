#include "functions.h"

#include <errno.h>
#include <stdlib.h>

#include "../kernel/ubi.h"
#include "arguments.h"
#include "results.h"

/* `run_NAME` calls the kernel with the stored arguments, on a thread of the pool. */
#define RUN(name, expression) \
  static struct sys_result run_##name(struct call *call) { return expression; }

#define FD (call->handle->fd)
#define LENGTH ((size_t)call->length)

RUN(open, device_open(call->path, call->open_flags, &FD))
RUN(identify, device_identify(FD, &call->out.identity))
RUN(lock, device_try_lock(FD, call->flag, &call->out.yes))
RUN(read, device_read(FD, call->offset, call->bytes, LENGTH))
RUN(write, device_write(FD, call->offset, call->bytes, LENGTH))
RUN(sync, device_sync(FD))
RUN(settle, device_settle(FD, call->offset, call->length))

RUN(mtd_info, mtd_get_info(FD, &call->out.mtd))
RUN(mtd_erase, mtd_erase(FD, call->offset, call->length))
RUN(mtd_is_bad, mtd_is_bad(FD, call->offset, &call->out.yes))
RUN(mtd_mark_bad, mtd_mark_bad(FD, call->offset))
RUN(mtd_lock, mtd_lock(FD, call->offset, call->length))
RUN(mtd_unlock, mtd_unlock(FD, call->offset, call->length))
RUN(mtd_is_locked, mtd_is_locked(FD, call->offset, call->length, &call->out.yes))
RUN(mtd_ecc_stats, mtd_get_ecc_stats(FD, &call->out.ecc))

RUN(ubi_start_update, ubi_start_update(FD, call->length))
RUN(ubi_append, device_append(FD, call->bytes, LENGTH))
RUN(ubi_change_leb, ubi_change_leb(FD, call->leb, call->bytes, LENGTH))
RUN(ubi_erase_leb, ubi_erase_leb(FD, call->leb))
RUN(ubi_unmap_leb, ubi_unmap_leb(FD, call->leb))
RUN(ubi_is_mapped, ubi_is_mapped(FD, call->leb, &call->out.yes))
RUN(ubi_direct_write, ubi_set_direct_write(FD, call->flag))

RUN(block_info, block_get_info(FD, &call->out.block))
RUN(block_discard, block_discard(FD, call->offset, call->length))
RUN(block_zero, block_zero(FD, call->offset, call->length))

static struct sys_result run_close(struct call *call) {
  int fd = FD;
  FD = -1;
  return device_close(fd);
}

static struct sys_result run_compare(struct call *call) {
  struct handle *handle = call->handle;
  if (handle->window == NULL && (handle->window = malloc(DEVICE_WINDOW_SIZE)) == NULL) {
    return sys_failure("pread", ENOMEM);
  }
  return device_compare(FD, call->offset, call->bytes, LENGTH, handle->window, &call->out.match);
}

#define ARGS(...) {__VA_ARGS__}
#define HANDLE ARGS(arg_handle)
#define RANGE ARGS(arg_handle, arg_offset, arg_length)
#define BYTES_AT ARGS(arg_handle, arg_offset, arg_bytes)
#define LEB ARGS(arg_handle, arg_leb)

const struct function FUNCTIONS[] = {
    {"open", "open", ARGS(arg_path, arg_open_flags), call_start_open, run_open, result_handle},
    {"close", "close", HANDLE, call_start_close, run_close, NULL},
    {"identify", "fstat", HANDLE, call_start, run_identify, result_identity},
    {"lock", "flock", ARGS(arg_handle, arg_flag), call_start, run_lock, result_yes},
    {"read", "pread", BYTES_AT, call_start, run_read, NULL},
    {"write", "pwrite", BYTES_AT, call_start, run_write, NULL},
    {"compare", "pread", BYTES_AT, call_start, run_compare, result_match},
    {"sync", "fsync", HANDLE, call_start, run_sync, NULL},
    {"settle", "sync_file_range", RANGE, call_start, run_settle, NULL},

    {"mtdInfo", "MEMGETINFO", HANDLE, call_start, run_mtd_info, result_mtd_info},
    {"mtdErase", "MEMERASE64", RANGE, call_start, run_mtd_erase, NULL},
    {"mtdIsBad", "MEMGETBADBLOCK", ARGS(arg_handle, arg_offset), call_start, run_mtd_is_bad, result_yes},
    {"mtdMarkBad", "MEMSETBADBLOCK", ARGS(arg_handle, arg_offset), call_start, run_mtd_mark_bad, NULL},
    {"mtdLock", "MEMLOCK", RANGE, call_start, run_mtd_lock, NULL},
    {"mtdUnlock", "MEMUNLOCK", RANGE, call_start, run_mtd_unlock, NULL},
    {"mtdIsLocked", "MEMISLOCKED", RANGE, call_start, run_mtd_is_locked, result_yes},
    {"mtdEccStats", "ECCGETSTATS", HANDLE, call_start, run_mtd_ecc_stats, result_ecc_stats},

    {"ubiStartUpdate", "UBI_IOCVOLUP", ARGS(arg_handle, arg_length), call_start, run_ubi_start_update, NULL},
    {"ubiAppend", "write", ARGS(arg_handle, arg_bytes), call_start, run_ubi_append, NULL},
    {"ubiChangeLeb", "UBI_IOCEBCH", ARGS(arg_handle, arg_leb, arg_bytes), call_start, run_ubi_change_leb, NULL},
    {"ubiEraseLeb", "UBI_IOCEBER", LEB, call_start, run_ubi_erase_leb, NULL},
    {"ubiUnmapLeb", "UBI_IOCEBUNMAP", LEB, call_start, run_ubi_unmap_leb, NULL},
    {"ubiIsMapped", "UBI_IOCEBISMAP", LEB, call_start, run_ubi_is_mapped, result_yes},
    {"ubiDirectWrite", "UBI_IOCSETVOLPROP", ARGS(arg_handle, arg_flag), call_start, run_ubi_direct_write, NULL},

    {"blockInfo", "BLKGETSIZE64", HANDLE, call_start, run_block_info, result_block_info},
    {"blockDiscard", "BLKDISCARD", RANGE, call_start, run_block_discard, NULL},
    {"blockZero", "BLKZEROOUT", RANGE, call_start, run_block_zero, NULL},
};

const size_t FUNCTION_COUNT = sizeof FUNCTIONS / sizeof FUNCTIONS[0];
