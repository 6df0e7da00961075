/* ROOT/devices/NAME describes a device in lines of `key value`. */
#define _GNU_SOURCE
#include "fake.h"
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct source {
  struct device *device;
  char chip[64];
  uint64_t chip_size;
};

static void set_field(struct source *source, const char *key, const char *value) {
  struct device *device = source->device;
  uint64_t number = strtoull(value, NULL, 0);
  int code = value[0] == 'E' ? errno_by_name(value) : 0;
  if (strcmp(key, "kind") == 0) {
    device->kind = strcmp(value, "mtd") == 0 ? DEVICE_MTD : strcmp(value, "ubi") == 0 ? DEVICE_UBI : DEVICE_VOLUME;
  } else if (strcmp(key, "index") == 0) device->index = number;
  else if (strcmp(key, "major") == 0) device->major = number;
  else if (strcmp(key, "minor") == 0) device->minor = number;
  else if (strcmp(key, "type") == 0) device->type = number;
  else if (strcmp(key, "flags") == 0) device->flags = number;
  else if (strcmp(key, "size") == 0) device->size = number;
  else if (strcmp(key, "offset") == 0) device->offset = number;
  else if (strcmp(key, "erasesize") == 0) device->erase_size = number;
  else if (strcmp(key, "writesize") == 0) device->write_size = number;
  else if (strcmp(key, "oobsize") == 0) device->oob_size = number;
  else if (strcmp(key, "static") == 0) device->is_static = number != 0;
  else if (strcmp(key, "isbad") == 0) device->isbad_errno = code;
  else if (strcmp(key, "lock") == 0) device->lock_errno = code;
  else if (strcmp(key, "locked") == 0) device->locked_errno = code;
  else if (strcmp(key, "erase64") == 0) device->erase64 = number != 0;
  else if (strcmp(key, "chip") == 0) snprintf(source->chip, sizeof source->chip, "%s", value);
  else if (strcmp(key, "chipsize") == 0) source->chip_size = number;
  else {
    fprintf(stderr, "fake-mtd: %s: no such key: %s\n", device->name, key);
    abort();
  }
}

bool device_load(const char *node, struct device *device) {
  memset(device, 0, sizeof *device);
  device->erase64 = true;
  size_t length = strlen(node);
  if (length >= sizeof device->name || strchr(node, '/') != NULL) return false;
  strcpy(device->name, node);
  if (strncmp(node, "mtd", 3) == 0 && length > 5 && strcmp(node + length - 2, "ro") == 0) {
    device->read_only_node = true;
    device->name[length - 2] = '\0';
  }
  char path[FAKE_PATH];
  char text[2048];
  fake_file(path, "devices/%s", device->name);
  int fd = REAL(open64)(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return false;
  ssize_t count = REAL(read)(fd, text, sizeof text - 1);
  REAL(close)(fd);
  if (count <= 0) return false;
  text[count] = '\0';
  struct source source = {device, "", 0};
  char *rest = NULL;
  for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
    char *space = strchr(line, ' ');
    if (space == NULL) continue;
    *space = '\0';
    set_field(&source, line, space + 1);
  }
  if (device->kind == DEVICE_MTD) device->minor = 2 * device->index + (device->read_only_node ? 1 : 0);
  if (source.chip[0] != '\0') {
    device->chip = chip_get(source.chip, source.chip_size, device->erase_size, device->write_size);
  }
  return true;
}

unsigned device_bad_blocks(const struct device *device) {
  const struct chip *chip = device->chip;
  unsigned bad = 0;
  uint64_t end = chip_block(chip, device->offset + device->size);
  for (uint64_t block = chip_block(chip, device->offset); block < end; block++) {
    if (chip->state->blocks[block] & BLOCK_BAD) bad++;
  }
  return bad;
}
