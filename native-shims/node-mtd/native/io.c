/* Reading, writing and comparing at an offset. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "call.h"
#include "functions.h"
#include "syscalls.h"

/* One erase block of the NOR chips here; larger reads are not faster, and it stays in the cache of small processors. */
#define WINDOW_SIZE ((size_t)64 * 1024)

/* Between looks at what a comparison has found. */
#define STRIDE ((size_t)4096)

enum match { MATCH_SAME = 0, MATCH_CLEARS = 1, MATCH_DIFFERS = 2 };

static void execute_read(struct call *call) { read_all(call, call->offset, call->bytes, (size_t)call->length); }

napi_value io_read(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_offset(&b, 1) && arg_bytes(&b, 2)) {
    call_start(&b, "pread", execute_read, NULL);
  }
  return call_end(&b);
}

static void execute_write(struct call *call) { write_all_at(call, call->offset, call->bytes, (size_t)call->length); }

napi_value io_write(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_offset(&b, 1) && arg_bytes(&b, 2)) {
    call_start(&b, "pwrite", execute_write, NULL);
  }
  return call_end(&b);
}

/* Whether some bit of `wanted` is set that `flash` has cleared. */
static bool wants_set(const uint8_t *wanted, const uint8_t *flash, size_t length) {
  size_t lacking = 0;
  size_t i = 0;
  for (; i + sizeof lacking <= length; i += sizeof lacking) {
    size_t want, have;
    /* Neither side is aligned; the compiler makes plain loads of these. */
    memcpy(&want, wanted + i, sizeof want);
    memcpy(&have, flash + i, sizeof have);
    lacking |= want & ~have;
  }
  for (; i < length; i++) lacking |= (size_t)(wanted[i] & (uint8_t)~flash[i]);
  return lacking != 0;
}

static enum match match(const uint8_t *wanted, const uint8_t *flash, size_t length) {
  if (memcmp(wanted, flash, length) == 0) return MATCH_SAME;
  for (size_t i = 0; i < length; i += STRIDE) {
    if (wants_set(wanted + i, flash + i, length - i < STRIDE ? length - i : STRIDE)) return MATCH_DIFFERS;
  }
  return MATCH_CLEARS;
}

static void execute_compare(struct call *call) {
  struct handle *handle = call->handle;
  enum match found = MATCH_SAME;
  size_t length = (size_t)call->length;
  if (handle->window == NULL && (handle->window = malloc(WINDOW_SIZE)) == NULL) {
    call_fail(call, "pread", ENOMEM);
    return;
  }
  /* What differs once stays so: the rest need not be read. */
  for (size_t done = 0; done < length && found != MATCH_DIFFERS;) {
    size_t part = length - done < WINDOW_SIZE ? length - done : WINDOW_SIZE;
    enum match here;
    if (!read_all(call, call->offset + done, handle->window, part)) return;
    here = match(call->bytes + done, handle->window, part);
    if (here > found) found = here;
    done += part;
  }
  call->out.match = (uint8_t)found;
}

static napi_value result_match(napi_env env, const struct call *call) {
  napi_value value;
  return napi_create_uint32(env, call->out.match, &value) == napi_ok ? value : NULL;
}

napi_value io_compare(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_offset(&b, 1) && arg_bytes(&b, 2)) {
    call_start(&b, "pread", execute_compare, result_match);
  }
  return call_end(&b);
}

static void execute_sync(struct call *call) {
  int got;
  do {
    got = fsync(call->handle->fd);
  } while (got != 0 && errno == EINTR);
  /* MTD's character devices have no fsync: they write through. */
  if (got != 0 && errno != EINVAL) call_fail(call, "fsync", errno);
}

napi_value io_sync(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0)) call_start(&b, "fsync", execute_sync, NULL);
  return call_end(&b);
}

/* The page cache below a range: written out and waited for, then dropped. */
static void execute_settle(struct call *call) {
  const unsigned all = SYNC_FILE_RANGE_WAIT_BEFORE | SYNC_FILE_RANGE_WRITE | SYNC_FILE_RANGE_WAIT_AFTER;
  off_t offset = (off_t)call->offset;
  off_t length = (off_t)call->length;
  int got;
  /* To both calls it would mean the rest of the file. */
  if (length == 0) return;
  do {
    got = sync_file_range(call->handle->fd, offset, length, all);
  } while (got != 0 && errno == EINTR);
  int lost = got == 0 ? 0 : errno;
  /*
   * Dropped all the same: the kernel keeps what it could not write as if it had, and would tell it to the next one
   * who asks what is there. Returns the error instead of setting errno.
   */
  /* Whole pages: one that the range has a part of only would stay (mm/fadvise.c). */
  off_t page = (off_t)sysconf(_SC_PAGESIZE);
  off_t from = offset - offset % page;
  off_t to = (offset + length + page - 1) / page * page;
  got = posix_fadvise(call->handle->fd, from, to - from, POSIX_FADV_DONTNEED);
  if (lost != 0) {
    call_fail(call, "sync_file_range", lost);
  } else if (got != 0) {
    call_fail(call, "posix_fadvise", got);
  }
}

napi_value io_settle(napi_env env, napi_callback_info info) {
  struct begin b;
  if (call_begin(env, info, &b) && arg_handle(&b, 0) && arg_offset(&b, 1) && arg_length(&b, 2)) {
    call_start(&b, "sync_file_range", execute_settle, NULL);
  }
  return call_end(&b);
}
