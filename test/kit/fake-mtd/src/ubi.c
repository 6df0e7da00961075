/* read, write and ioctl of /dev/ubiN_M, as drivers/mtd/ubi/cdev.c. */
#define _GNU_SOURCE
#include "fake.h"
#include <errno.h>
#include <linux/types.h>
#include <mtd/ubi-user.h>
#include <string.h>
#include <sys/ioctl.h>

static uint64_t blocks_of(const struct device *device) {
  return chip_block(device->chip, device->size);
}

ssize_t ubi_read(struct open_file *file, void *into, size_t count, uint64_t at) {
  const struct device *device = &file->device;
  const struct chip_state *state = device->chip->state;
  if (file->updating) return -EBUSY;
  if (state->update_marker) return -EBADF;
  if (at >= state->used_bytes || count == 0) return 0;
  if (count > state->used_bytes - at) count = state->used_bytes - at;
  struct fault fault = fault_next("read", device->name, at / device->erase_size, (at + count - 1) / device->erase_size);
  if (fault.kind == FAULT_KILL) log_and_die(device->name, "read", at, count);
  if (fault.kind == FAULT_ERRNO) return -(int)fault.argument;
  if (fault.kind == FAULT_SHORT && (size_t)fault.argument < count) count = fault.argument;
  chip_lock(device->chip);
  chip_read(device->chip, at, into, count);
  chip_unlock(device->chip);
  if (fault.kind == FAULT_CORRUPT) ((uint8_t *)into)[0] ^= 0x10;
  return count;
}

/* Writes to erased space of a dynamic volume, after SETVOLPROP has allowed them. */
static ssize_t write_directly(struct open_file *file, const void *bytes, size_t count, uint64_t at) {
  const struct device *device = &file->device;
  struct chip *chip = device->chip;
  if (!chip->state->direct_write) return -EPERM;
  if (device->is_static) return -EROFS;
  if (at % device->erase_size % device->write_size != 0) return -EINVAL;
  if (at > device->size) return 0;
  if (count > device->size - at) count = device->size - at;
  if (count % device->write_size != 0) return -EINVAL;
  if (count == 0) return 0;
  struct fault fault = fault_next("write", device->name, at / device->erase_size, (at + count - 1) / device->erase_size);
  if (fault.kind == FAULT_ERRNO) return -(int)fault.argument;
  if (fault.kind == FAULT_SHORT && (size_t)fault.argument < count) count = fault.argument;
  size_t done = count;
  if (fault.kind == FAULT_KILL && (size_t)fault.argument < count) {
    done = (size_t)fault.argument - (size_t)fault.argument % device->write_size;
  }
  chip_lock(chip);
  bool legal = chip_program(chip, at, bytes, done);
  for (uint64_t block = at / device->erase_size; done > 0 && block <= (at + done - 1) / device->erase_size; block++) {
    chip->state->blocks[block] |= BLOCK_MAPPED;
  }
  if (!legal) log_illegal(device->name, at, count, "a page programmed twice");
  if (fault.kind == FAULT_KILL) log_and_die(device->name, "write", at, count);
  chip_unlock(chip);
  return count;
}

ssize_t ubi_write(struct open_file *file, const void *bytes, size_t count, uint64_t at) {
  if (!file->writable) return -EBADF;
  if (file->updating) return ubi_more_update(file, bytes, count);
  if (file->changing >= 0) return ubi_more_change(file, bytes, count);
  return write_directly(file, bytes, count, at);
}

static bool is_block(const struct device *device, int32_t leb) {
  return leb >= 0 && (uint64_t)leb < blocks_of(device);
}

/* UBI_IOCEBER and UBI_IOCEBUNMAP differ only in the time of the erase, which the fake does not show. */
static int unmap(struct open_file *file, const char *operation, int32_t leb) {
  const struct device *device = &file->device;
  if (!file->writable || device->is_static) return -EROFS;
  if (!is_block(device, leb)) return -EINVAL;
  if (operation[2] == 'u' && device->chip->state->update_marker) return -EBADF;
  uint64_t at = (uint64_t)leb * device->erase_size;
  int failed = fault_simple(operation, device, at, 1);
  if (failed != 0) return failed;
  chip_lock(device->chip);
  chip_erase(device->chip, at, device->erase_size);
  device->chip->state->blocks[leb] &= ~BLOCK_MAPPED;
  chip_unlock(device->chip);
  return 0;
}

static int map(struct open_file *file, const struct ubi_map_req *request) {
  const struct device *device = &file->device;
  if (!file->writable || device->is_static) return -EROFS;
  if (!is_block(device, request->lnum)) return -EINVAL;
  struct chip_state *state = device->chip->state;
  if (state->update_marker) return -EBADF;
  if (state->blocks[request->lnum] & BLOCK_MAPPED) return -EBADMSG;
  state->blocks[request->lnum] |= BLOCK_MAPPED;
  return 0;
}

static int is_mapped(struct open_file *file, int32_t leb) {
  const struct device *device = &file->device;
  if (!is_block(device, leb)) return -EINVAL;
  if (device->chip->state->update_marker) return -EBADF;
  int failed = fault_simple("ebismap", device, (uint64_t)leb * device->erase_size, 1);
  return failed != 0 ? failed : (device->chip->state->blocks[leb] & BLOCK_MAPPED) != 0;
}

static int set_property(struct open_file *file, const struct ubi_set_vol_prop_req *request) {
  if (request->property != UBI_VOL_PROP_DIRECT_WRITE) return -EINVAL;
  int failed = fault_simple("setprop", &file->device, 0, 0);
  if (failed == 0) file->device.chip->state->direct_write = request->value != 0;
  return failed;
}

static int logged(struct open_file *file, const char *operation, int64_t leb, uint64_t length, int result) {
  uint64_t at = leb < 0 ? 0 : (uint64_t)leb * file->device.erase_size;
  log_operation(file->device.name, operation, at, length, result);
  return result;
}

int ubi_ioctl(struct open_file *file, unsigned long request, void *argument) {
  int32_t leb = 0;
  switch (request) {
    case UBI_IOCVOLUP: {
      int64_t bytes = *(const int64_t *)argument;
      return logged(file, "volup", 0, bytes, ubi_start_update(file, bytes));
    }
    case UBI_IOCEBCH: {
      const struct ubi_leb_change_req *change = argument;
      return logged(file, "ebch", change->lnum, change->bytes, ubi_start_change(file, change->lnum, change->bytes));
    }
    case UBI_IOCEBER:
      leb = *(const int32_t *)argument;
      return logged(file, "eber", leb, 0, unmap(file, "eber", leb));
    case UBI_IOCEBUNMAP:
      leb = *(const int32_t *)argument;
      return logged(file, "ebunmap", leb, 0, unmap(file, "ebunmap", leb));
    case UBI_IOCEBMAP: {
      const struct ubi_map_req *wanted = argument;
      return logged(file, "ebmap", wanted->lnum, 0, map(file, wanted));
    }
    case UBI_IOCEBISMAP:
      leb = *(const int32_t *)argument;
      return logged(file, "ebismap", leb, 0, is_mapped(file, leb));
    case UBI_IOCSETVOLPROP:
      return logged(file, "setprop", 0, 0, set_property(file, argument));
    default:
      return logged(file, "unknown-ioctl", 0, request, -ENOTTY);
  }
}
