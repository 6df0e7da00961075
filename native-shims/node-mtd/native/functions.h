/* The functions of the addon, as binding.ts has them. */
#ifndef NODE_MTD_FUNCTIONS_H
#define NODE_MTD_FUNCTIONS_H

#define NAPI_VERSION 8
#include <node_api.h>

#define FUNCTIONS(X)               \
  X(open, descriptor_open)         \
  X(close, descriptor_close)       \
  X(identify, descriptor_identify) \
  X(lock, descriptor_lock)         \
  X(read, io_read)                 \
  X(write, io_write)               \
  X(compare, io_compare)           \
  X(sync, io_sync)                 \
  X(settle, io_settle)             \
  X(mtdInfo, mtd_info)             \
  X(mtdErase, mtd_erase)           \
  X(mtdIsBad, mtd_is_bad)          \
  X(mtdMarkBad, mtd_mark_bad)      \
  X(mtdLock, mtd_lock)             \
  X(mtdUnlock, mtd_unlock)         \
  X(mtdIsLocked, mtd_is_locked)    \
  X(mtdEccStats, mtd_ecc_stats)    \
  X(ubiStartUpdate, ubi_start_update) \
  X(ubiAppend, ubi_append)         \
  X(ubiChangeLeb, ubi_change_leb)  \
  X(ubiEraseLeb, ubi_erase_leb)    \
  X(ubiUnmapLeb, ubi_unmap_leb)    \
  X(ubiIsMapped, ubi_is_mapped)    \
  X(ubiDirectWrite, ubi_direct_write) \
  X(blockInfo, block_info)         \
  X(blockDiscard, block_discard)   \
  X(blockZero, block_zero)

#define DECLARE(name, function) napi_value function(napi_env env, napi_callback_info info);
FUNCTIONS(DECLARE)
#undef DECLARE

#endif
