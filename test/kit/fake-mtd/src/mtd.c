/* read, write and ioctl of /dev/mtdN, as drivers/mtd/mtdchar.c; stricter where silicon is undefined. */
#define _GNU_SOURCE
#include "fake.h"
#include <errno.h>
#include <linux/types.h>
#include <mtd/mtd-abi.h>
#include <string.h>
#include <sys/ioctl.h>

static uint64_t block_at(const struct device *device, uint64_t at) {
  return at / device->erase_size;
}

static struct fault fault_in_range(const char *operation, const struct device *device, uint64_t at, uint64_t length) {
  return fault_next(operation, device->name, block_at(device, at), block_at(device, at + length - 1));
}

/* Bytes of [at, at + length) before a block. */
static uint64_t bytes_before(const struct device *device, uint64_t block, uint64_t at) {
  uint64_t start = block * device->erase_size;
  return start > at ? start - at : 0;
}

static void count_ecc(struct open_file *file, uint32_t corrected, uint32_t failed) {
  const struct device *device = &file->device;
  struct chip_state *state = device->chip->state;
  state->corrected[device->index] += corrected;
  state->failed[device->index] += failed;
  sysfs_put("mtd", device->name, "corrected_bits", state->corrected[device->index]);
  sysfs_put("mtd", device->name, "ecc_failures", state->failed[device->index]);
}

ssize_t mtd_read(struct open_file *file, void *into, size_t count, uint64_t at) {
  const struct device *device = &file->device;
  if (at >= device->size) return 0;
  if (count > device->size - at) count = device->size - at;
  if (count == 0) return 0;
  struct fault fault = fault_in_range("read", device, at, count);
  if (fault.kind == FAULT_KILL) log_and_die(device->name, "read", at, count);
  if (fault.kind == FAULT_ERRNO) return -(int)fault.argument;
  if (fault.kind == FAULT_SHORT && (size_t)fault.argument < count) count = fault.argument;
  chip_lock(device->chip);
  chip_read(device->chip, device->offset + at, into, count);
  if (fault.kind == FAULT_FLIPS) count_ecc(file, fault.argument, 0);
  if (fault.kind == FAULT_WRONG || fault.kind == FAULT_FAILED) count_ecc(file, 0, 1);
  chip_unlock(device->chip);
  /* The kernel hides EUCLEAN and EBADMSG and returns the data. */
  if (fault.kind == FAULT_WRONG || fault.kind == FAULT_CORRUPT) {
    uint64_t where = bytes_before(device, fault.block, at);
    ((uint8_t *)into)[where < count ? where : 0] ^= 0x10;
  }
  return count;
}

static bool range_has(const struct device *device, uint64_t at, uint64_t length, enum block_flag flag) {
  const struct chip *chip = device->chip;
  uint64_t last = chip_block(chip, device->offset + at + length - 1);
  for (uint64_t block = chip_block(chip, device->offset + at); block <= last; block++) {
    if (chip->state->blocks[block] & flag) return true;
  }
  return false;
}

static void program(const struct device *device, uint64_t at, const uint8_t *bytes, size_t count) {
  if (count == 0 || chip_program(device->chip, device->offset + at, bytes, count)) return;
  log_illegal(device->name, at, count,
              device->chip->pages == NULL ? "a bit would have to be set" : "a page programmed twice");
}

ssize_t mtd_write(struct open_file *file, const void *bytes, size_t count, uint64_t at) {
  const struct device *device = &file->device;
  const uint8_t *from = bytes;
  if (at >= device->size) return -ENOSPC;
  if (count > device->size - at) count = device->size - at;
  if (count == 0) return 0;
  if (at % device->write_size != 0 || count % device->write_size != 0) return -EINVAL;
  struct fault fault = fault_in_range("write", device, at, count);
  uint64_t good = bytes_before(device, fault.block, at);
  ssize_t result = count;
  chip_lock(device->chip);
  if (range_has(device, at, count, BLOCK_LOCKED)) {
    result = device->locked_errno == 0 ? (ssize_t)count : -device->locked_errno;
  } else if (range_has(device, at, count, BLOCK_BAD)) {
    log_illegal(device->name, at, count, "a bad block programmed");
    result = -EIO;
  } else if (fault.kind == FAULT_ERRNO) {
    program(device, at, from, good);
    /* EIO comes from the chip, which has started the operation; other errors come from the kernel before that. */
    if (fault.argument == EIO) chip_program_torn(device->chip, device->offset + at + good, from + good, count - good);
    result = -(int)fault.argument;
  } else if (fault.kind == FAULT_KILL) {
    size_t done = (size_t)fault.argument < count - good ? good + fault.argument : count;
    done -= done % device->write_size;
    program(device, at, from, done);
    if (done < count) chip_program_torn(device->chip, device->offset + at + done, from + done, count - done);
    log_and_die(device->name, "write", at, count);
  } else if (fault.kind != FAULT_LIE) {
    if (fault.kind == FAULT_SHORT && fault.argument < result) result = fault.argument;
    program(device, at, from, result);
    if (fault.kind == FAULT_CORRUPT) {
      uint8_t wrong = 0;
      chip_put(device->chip, device->offset + at + good, &wrong, 1);
    }
  }
  chip_unlock(device->chip);
  return result;
}

int mtd_erase(struct open_file *file, uint64_t start, uint64_t length) {
  const struct device *device = &file->device;
  struct chip *chip = device->chip;
  if (device->flags & MTD_NO_ERASE) return -EOPNOTSUPP;
  if (start >= device->size || length > device->size - start) return -EINVAL;
  if (start % device->erase_size != 0 || length % device->erase_size != 0) return -EINVAL;
  if (length == 0) return 0;
  struct fault fault = fault_in_range("erase", device, start, length);
  uint64_t good = bytes_before(device, fault.block, start);
  int result = 0;
  chip_lock(chip);
  if (range_has(device, start, length, BLOCK_LOCKED)) {
    result = -device->locked_errno;
  } else if (range_has(device, start, length, BLOCK_BAD)) {
    result = -EIO;
  } else if (fault.kind == FAULT_ERRNO) {
    chip_erase(chip, device->offset + start, good);
    if (fault.argument == EIO) chip_erase_torn(chip, device->offset + start + good, device->erase_size);
    result = -(int)fault.argument;
  } else if (fault.kind == FAULT_KILL) {
    chip_erase(chip, device->offset + start, good);
    chip_erase_torn(chip, device->offset + start + good, device->erase_size);
    log_and_die(device->name, "erase", start, length);
  } else if (fault.kind != FAULT_LIE) {
    chip_erase(chip, device->offset + start, length);
  }
  chip_unlock(chip);
  return result;
}

int mtd_bad_block(struct open_file *file, int64_t at, bool mark) {
  const struct device *device = &file->device;
  bool nand = device->type == MTD_NANDFLASH || device->type == MTD_MLCNANDFLASH;
  if (!nand && mark) return -EOPNOTSUPP;
  if (at < 0 || (uint64_t)at >= device->size) return -EINVAL;
  if (!nand) return -device->isbad_errno;
  int failed = fault_simple(mark ? "markbad" : "isbad", device, at, 1);
  if (failed != 0) return failed;
  uint8_t *flags = &device->chip->state->blocks[chip_block(device->chip, device->offset + at)];
  if (!mark) return (*flags & BLOCK_BAD) != 0;
  chip_lock(device->chip);
  *flags |= BLOCK_BAD;
  sysfs_put("mtd", device->name, "bad_blocks", device_bad_blocks(device));
  chip_unlock(device->chip);
  return 0;
}

int mtd_locks(struct open_file *file, unsigned long request, uint32_t start, uint32_t length) {
  const struct device *device = &file->device;
  if (device->lock_errno != 0) return -device->lock_errno;
  if (start > device->size || length > device->size - start) return -EINVAL;
  if (length == 0) return 0;
  const char *name = request == MEMLOCK ? "lock" : request == MEMUNLOCK ? "unlock" : "islocked";
  struct fault fault = fault_in_range(name, device, start, length);
  if (fault.kind == FAULT_KILL) log_and_die(device->name, name, start, length);
  if (fault.kind == FAULT_ERRNO) return -(int)fault.argument;
  if (fault.kind == FAULT_LIE) return 0;
  bool all_locked = true;
  chip_lock(device->chip);
  uint64_t last = chip_block(device->chip, device->offset + start + length - 1);
  for (uint64_t block = chip_block(device->chip, device->offset + start); block <= last; block++) {
    uint8_t *flags = &device->chip->state->blocks[block];
    if (request == MEMLOCK) *flags |= BLOCK_LOCKED;
    if (request == MEMUNLOCK) *flags &= ~BLOCK_LOCKED;
    if ((*flags & BLOCK_LOCKED) == 0) all_locked = false;
  }
  chip_unlock(device->chip);
  /* SPI NOR reports only whether all of a range is locked. */
  return request == MEMISLOCKED && all_locked;
}
