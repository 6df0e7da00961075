/* Updates of a UBI volume and changes of a LEB, as drivers/mtd/ubi/upd.c. */
#define _GNU_SOURCE
#include "fake.h"
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* The attributes of a volume in sysfs. */
void ubi_tell(const struct device *device) {
  const struct chip_state *state = device->chip->state;
  sysfs_put("ubi", device->name, "upd_marker", state->update_marker);
  sysfs_put("ubi", device->name, "corrupted", state->corrupted);
  sysfs_put("ubi", device->name, "data_bytes", state->used_bytes);
}

static void finish_update(struct open_file *file) {
  const struct device *device = &file->device;
  struct chip_state *state = device->chip->state;
  state->update_marker = 0;
  state->corrupted = 0;
  state->used_bytes = device->is_static ? file->expected : device->size;
  ubi_tell(device);
  file->updating = false;
  ubi_exclusive(file, false);
}

int ubi_start_update(struct open_file *file, int64_t bytes) {
  const struct device *device = &file->device;
  if (!file->writable) return -EROFS;
  if (bytes < 0 || (uint64_t)bytes > device->size) return -EINVAL;
  int failed = fault_simple("volup", device, 0, 0);
  if (failed == 0) failed = ubi_exclusive(file, true);
  if (failed != 0) return failed;
  struct chip *chip = device->chip;
  chip_lock(chip);
  chip->state->update_marker = 1;
  chip_erase(chip, 0, device->size);
  for (uint64_t block = 0; block < chip_block(chip, device->size); block++) chip->state->blocks[block] &= ~BLOCK_MAPPED;
  ubi_tell(device);
  chip_unlock(chip);
  file->updating = true;
  file->expected = bytes;
  file->received = 0;
  file->position = 0;
  if (bytes == 0) finish_update(file);
  return 0;
}

static void map_written(struct chip *chip, uint64_t at, const uint8_t *bytes, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (bytes[i] != 0xff) chip->state->blocks[chip_block(chip, at + i)] |= BLOCK_MAPPED;
  }
}

ssize_t ubi_more_update(struct open_file *file, const void *bytes, size_t count) {
  const struct device *device = &file->device;
  struct chip *chip = device->chip;
  if (count > file->expected - file->received) count = file->expected - file->received;
  if (count == 0) return 0;
  struct fault fault = fault_next("write", device->name, chip_block(chip, file->received),
                                  chip_block(chip, file->received + count - 1));
  if (fault.kind == FAULT_ERRNO) return -(int)fault.argument;
  if (fault.kind == FAULT_SHORT && (size_t)fault.argument < count) count = fault.argument;
  size_t done = fault.kind == FAULT_KILL && (size_t)fault.argument < count ? (size_t)fault.argument : count;
  chip_lock(chip);
  chip_put(chip, file->received, bytes, done);
  map_written(chip, file->received, bytes, done);
  if (fault.kind == FAULT_KILL) log_and_die(device->name, "write", file->received, count);
  file->received += count;
  if (file->received == file->expected) finish_update(file);
  chip_unlock(chip);
  return count;
}

int ubi_start_change(struct open_file *file, int32_t leb, int32_t bytes) {
  const struct device *device = &file->device;
  if (!file->writable || device->is_static) return -EROFS;
  if (leb < 0 || (uint64_t)leb >= chip_block(device->chip, device->size)) return -EINVAL;
  if (bytes < 0 || (uint32_t)bytes > device->erase_size) return -EINVAL;
  int failed = fault_simple("ebch", device, (uint64_t)leb * device->erase_size, 1);
  if (failed == 0) failed = ubi_exclusive(file, true);
  if (failed != 0) return failed;
  free(file->change);
  file->change = malloc(device->erase_size);
  if (file->change == NULL) return -ENOMEM;
  memset(file->change, 0xff, device->erase_size);
  file->changing = leb;
  file->expected = bytes;
  file->received = 0;
  return bytes == 0 ? (int)ubi_more_change(file, "", 0) : 0;
}

ssize_t ubi_more_change(struct open_file *file, const void *bytes, size_t count) {
  const struct device *device = &file->device;
  struct chip *chip = device->chip;
  uint64_t block = file->changing;
  if (count > file->expected - file->received) count = file->expected - file->received;
  struct fault fault = fault_next("write", device->name, block, block);
  if (fault.kind == FAULT_KILL) log_and_die(device->name, "write", block * device->erase_size, count);
  if (fault.kind == FAULT_ERRNO) return -(int)fault.argument;
  if (fault.kind == FAULT_SHORT && (size_t)fault.argument < count) count = fault.argument;
  memcpy(file->change + file->received, bytes, count);
  file->received += count;
  if (file->received < file->expected) return count;
  chip_lock(chip);
  chip_erase(chip, block * device->erase_size, device->erase_size);
  chip_put(chip, block * device->erase_size, file->change, file->expected);
  chip->state->blocks[block] |= BLOCK_MAPPED;
  chip_unlock(chip);
  file->changing = -1;
  ubi_exclusive(file, false);
  return count;
}
