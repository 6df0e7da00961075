/*
 * A host for the functions of native-shims/node-mtd/kernel that is not Node. Each argument is a command and its operands,
 * separated by blanks; offsets and lengths are decimal, bytes are hexadecimal. Each prints one line: `ok` and the
 * results, or the name of the errno and the system call. Run by kernel.test.ts.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../native-shims/node-mtd/kernel/block.h"
#include "../../native-shims/node-mtd/kernel/device.h"
#include "../../native-shims/node-mtd/kernel/io.h"
#include "../../native-shims/node-mtd/kernel/mtd.h"
#include "../../native-shims/node-mtd/kernel/ubi.h"

#define BYTES 8192

static int fd = -1;
static char words[3][128];
static uint8_t bytes[BYTES];
static uint8_t window[DEVICE_WINDOW_SIZE];
static char said[2 * BYTES + 128];

static uint64_t number(int i) { return strtoull(words[i], NULL, 10); }

/* The bytes of an operand; their count. */
static size_t hex(int i) {
  size_t length = strlen(words[i]) / 2;
  for (size_t k = 0; k < length; k++) sscanf(words[i] + 2 * k, "%2hhx", &bytes[k]);
  return length;
}

static struct sys_result say_bool(struct sys_result result, bool yes) {
  snprintf(said, sizeof said, " %s", yes ? "yes" : "no");
  return result;
}

static struct sys_result run_open(void) {
  unsigned flags = (strchr(words[2], 'w') ? DEVICE_WRITE : 0) | (strchr(words[2], 'x') ? DEVICE_EXCLUSIVE : 0);
  return device_open(words[1], flags, &fd);
}

static struct sys_result run_close(void) { return device_close(fd); }

static struct sys_result run_identify(void) {
  struct device_identity found = {0};
  struct sys_result result = device_identify(fd, &found);
  snprintf(said, sizeof said, " %d %u:%u %llu", (int)found.kind, found.major, found.minor,
           (unsigned long long)found.size);
  return result;
}

static struct sys_result run_try_lock(void) {
  bool locked = false;
  struct sys_result result = device_try_lock(fd, strcmp(words[1], "shared") == 0, &locked);
  return say_bool(result, locked);
}

static struct sys_result run_read(void) {
  size_t length = number(2) < BYTES ? (size_t)number(2) : BYTES;
  struct sys_result result = device_read(fd, number(1), bytes, length);
  size_t used = (size_t)snprintf(said, sizeof said, " ");
  for (size_t k = 0; k < length; k++) used += (size_t)snprintf(said + used, sizeof said - used, "%02x", bytes[k]);
  return result;
}

static struct sys_result run_compare(void) {
  enum device_match match = DEVICE_SAME;
  struct sys_result result = device_compare(fd, number(1), bytes, hex(2), window, &match);
  snprintf(said, sizeof said, " %d", (int)match);
  return result;
}

static struct sys_result run_info(void) {
  struct mtd_info_user info;
  struct sys_result result = mtd_get_info(fd, &info);
  snprintf(said, sizeof said, " type %u flags %#x size %u erase %u write %u oob %u", info.type, info.flags, info.size,
           info.erasesize, info.writesize, info.oobsize);
  return result;
}

static struct sys_result run_ecc(void) {
  struct mtd_ecc_stats stats;
  struct sys_result result = mtd_get_ecc_stats(fd, &stats);
  snprintf(said, sizeof said, " %u %u %u %u", stats.corrected, stats.failed, stats.badblocks, stats.bbtblocks);
  return result;
}

static struct sys_result run_block_info(void) {
  struct block_info info = {0};
  struct sys_result result = block_get_info(fd, &info);
  snprintf(said, sizeof said, " %llu", (unsigned long long)info.size);
  return result;
}

#define RUN(name, call) \
  static struct sys_result run_##name(void) { return call; }
#define ASK(name, call)                             \
  static struct sys_result run_##name(void) {       \
    bool yes = false;                               \
    struct sys_result result = call;                \
    return say_bool(result, yes);                   \
  }

RUN(write, device_write(fd, number(1), bytes, hex(2)))
RUN(append, device_append(fd, bytes, hex(1)))
RUN(sync, device_sync(fd))
RUN(settle, device_settle(fd, number(1), number(2)))
RUN(erase, mtd_erase(fd, number(1), number(2)))
ASK(is_bad, mtd_is_bad(fd, number(1), &yes))
RUN(mark_bad, mtd_mark_bad(fd, number(1)))
RUN(lock, mtd_lock(fd, number(1), number(2)))
RUN(unlock, mtd_unlock(fd, number(1), number(2)))
ASK(is_locked, mtd_is_locked(fd, number(1), number(2), &yes))
RUN(start_update, ubi_start_update(fd, number(1)))
RUN(change_leb, ubi_change_leb(fd, (int32_t)number(1), bytes, hex(2)))
RUN(erase_leb, ubi_erase_leb(fd, (int32_t)number(1)))
RUN(unmap_leb, ubi_unmap_leb(fd, (int32_t)number(1)))
ASK(is_mapped, ubi_is_mapped(fd, (int32_t)number(1), &yes))
RUN(direct_write, ubi_set_direct_write(fd, number(1) != 0))
RUN(discard, block_discard(fd, number(1), number(2)))
RUN(zero, block_zero(fd, number(1), number(2)))

#define COMMAND(name) {#name, run_##name}
static const struct {
  const char *name;
  struct sys_result (*run)(void);
} COMMANDS[] = {
    COMMAND(open),      COMMAND(close),     COMMAND(identify),  COMMAND(try_lock),     COMMAND(read),
    COMMAND(write),     COMMAND(append),    COMMAND(compare),   COMMAND(sync),         COMMAND(settle),
    COMMAND(info),      COMMAND(erase),     COMMAND(is_bad),    COMMAND(mark_bad),     COMMAND(lock),
    COMMAND(unlock),    COMMAND(is_locked), COMMAND(ecc),       COMMAND(start_update), COMMAND(change_leb),
    COMMAND(erase_leb), COMMAND(unmap_leb), COMMAND(is_mapped), COMMAND(direct_write), COMMAND(block_info),
    COMMAND(discard),   COMMAND(zero),
};

static int run(const char *line) {
  memset(words, 0, sizeof words);
  said[0] = '\0';
  sscanf(line, "%127s %127s %127s", words[0], words[1], words[2]);
  for (size_t i = 0; i < sizeof COMMANDS / sizeof COMMANDS[0]; i++) {
    if (strcmp(COMMANDS[i].name, words[0]) != 0) continue;
    char name[SYS_ERROR_NAME_SIZE];
    struct sys_result result = COMMANDS[i].run();
    if (result.error == 0) {
      printf("ok%s\n", said);
    } else if (COMMANDS[i].run == run_open) {
      char message[256];
      sys_message(result, words[1], message, sizeof message);
      printf("%s\n", message);
    } else {
      printf("%s %s\n", sys_error_name(result.error, name), result.syscall);
    }
    return 0;
  }
  fprintf(stderr, "no command %s\n", words[0]);
  return 1;
}

int main(int argc, char **argv) {
  int failed = 0;
  for (int i = 1; i < argc && failed == 0; i++) failed = run(argv[i]);
  return failed;
}
