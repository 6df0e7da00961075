/*
 * Shared by the parts of the fake. Functions that stand for a system call return what the kernel returns: a count or 0,
 * or -errno. The wrappers set errno.
 */
#ifndef FAKE_H
#define FAKE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define EXPORT __attribute__((visibility("default")))

/* Major number of MTD character devices (include/linux/major.h). */
#define MTD_CHAR_MAJOR 90
#define MTD_DEVICES 64

/* ---- chip.c: the cells, shared by all processes and all partitions of a chip ---- */

enum block_flag { BLOCK_BAD = 1, BLOCK_LOCKED = 2, BLOCK_MAPPED = 4 };

/* The start of the state file, which test/kit/fake-mtd.ts writes and reads too. Fields are little endian. */
struct chip_state {
  uint32_t magic;
  uint32_t update_marker; /* UBI volumes */
  uint32_t corrupted;     /* UBI volumes */
  uint32_t direct_write;  /* UBI volumes */
  uint64_t used_bytes;    /* UBI volumes */
  uint64_t spare;
  uint32_t corrected[MTD_DEVICES]; /* by MTD number: each partition has its own count */
  uint32_t failed[MTD_DEVICES];
  uint8_t blocks[]; /* flags of each erase block, then one byte for each page: not 0 if programmed */
};
#define CHIP_MAGIC 0x464c5348u

struct chip {
  char name[64];
  uint64_t size;
  uint32_t erase_size;
  uint32_t write_size;
  int data_fd; /* cells with every bit inverted: a hole in the file is erased flash */
  int state_fd;
  struct chip_state *state;
  uint8_t *pages; /* NULL if bytes may be programmed again */
  pthread_mutex_t mutex;
  struct chip *next;
};

struct chip *chip_get(const char *name, uint64_t size, uint32_t erase_size, uint32_t write_size);
void chip_lock(struct chip *chip);
void chip_unlock(struct chip *chip);
uint64_t chip_block(const struct chip *chip, uint64_t at);
void chip_read(struct chip *chip, uint64_t at, void *into, size_t length);
/* Clears bits. False if a cell needs a set bit, or a page is programmed twice. */
bool chip_program(struct chip *chip, uint64_t at, const void *bytes, size_t length);
/* Stores bytes without an erase, as UBI replaces a block. */
void chip_put(struct chip *chip, uint64_t at, const void *bytes, size_t length);
void chip_erase(struct chip *chip, uint64_t at, uint64_t length);
/* The state after an interrupted erase: the first half is erased, the rest has some bits set. */
void chip_erase_torn(struct chip *chip, uint64_t at, uint64_t length);
/* The state after an interrupted program: one page has some of its bits cleared. */
void chip_program_torn(struct chip *chip, uint64_t at, const void *bytes, size_t length);

/* ---- device.c: the devices below /dev ---- */

enum device_kind { DEVICE_MTD, DEVICE_UBI, DEVICE_VOLUME };

struct device {
  enum device_kind kind;
  char name[32]; /* mtd3, ubi0, ubi0_1 */
  bool read_only_node; /* mtd3ro */
  unsigned index, major, minor;
  unsigned type, flags;
  uint64_t size, offset;
  uint32_t erase_size, write_size, oob_size;
  bool is_static;
  /* Differences between kernels and drivers. */
  int isbad_errno; /* 0: NOR reports all blocks good */
  int lock_errno;  /* 0: locks are supported */
  int locked_errno; /* of a write to a locked block; 0: success without a write */
  bool erase64;
  struct chip *chip;
};

/* False if there is no such device. */
bool device_load(const char *node, struct device *device);
unsigned device_bad_blocks(const struct device *device);

/* ---- open-file.c: open file descriptions and their descriptors ---- */

struct open_file {
  int references;
  struct device device;
  bool readable, writable;
  off64_t position;
  pthread_mutex_t mutex;
  int users_fd; /* UBI: the locks of the processes that have it open */
  bool exclusive;
  bool updating;
  int64_t changing; /* LEB of an atomic change, or -1 */
  uint64_t expected, received;
  uint8_t *change;
};

struct open_file *file_of(int fd);
int file_open(int fd, const struct device *device, int flags);
void file_share(int from, int to);
void file_close(int fd);

/* ---- the operations of the devices ---- */

ssize_t mtd_read(struct open_file *file, void *into, size_t count, uint64_t at);
ssize_t mtd_write(struct open_file *file, const void *bytes, size_t count, uint64_t at);
int mtd_ioctl(struct open_file *file, unsigned long request, void *argument);
int mtd_erase(struct open_file *file, uint64_t start, uint64_t length);
int mtd_bad_block(struct open_file *file, int64_t at, bool mark);
int mtd_locks(struct open_file *file, unsigned long request, uint32_t start, uint32_t length);

int ubi_open(struct open_file *file);
void ubi_release(struct open_file *file);
ssize_t ubi_read(struct open_file *file, void *into, size_t count, uint64_t at);
ssize_t ubi_write(struct open_file *file, const void *bytes, size_t count, uint64_t at);
int ubi_ioctl(struct open_file *file, unsigned long request, void *argument);
int ubi_exclusive(struct open_file *file, bool on);
int ubi_start_update(struct open_file *file, int64_t bytes);
ssize_t ubi_more_update(struct open_file *file, const void *bytes, size_t count);
int ubi_start_change(struct open_file *file, int32_t leb, int32_t bytes);
ssize_t ubi_more_change(struct open_file *file, const void *bytes, size_t count);
void ubi_tell(const struct device *device);

/* ---- fault.c ---- */

enum fault_kind { FAULT_NONE, FAULT_ERRNO, FAULT_SHORT, FAULT_KILL, FAULT_FLIPS, FAULT_FAILED, FAULT_WRONG, FAULT_CORRUPT, FAULT_LIE };

struct fault {
  enum fault_kind kind;
  long argument;
  uint64_t block; /* named by the rule; otherwise the first one of the operation */
};

/* Counts the operation on blocks `first` to `last` and returns its fault. */
struct fault fault_next(const char *operation, const char *device, uint64_t first, uint64_t last);
/* For operations that cannot be half done: 0, -errno, or no return. */
int fault_simple(const char *operation, const struct device *device, uint64_t at, uint64_t length);
int errno_by_name(const char *name);

/* ---- log.c ---- */

void log_operation(const char *device, const char *operation, uint64_t at, uint64_t length, long long result);
/* The program did something that is undefined on silicon. */
void log_illegal(const char *device, uint64_t at, uint64_t length, const char *why);
_Noreturn void log_and_die(const char *device, const char *operation, uint64_t at, uint64_t length);

/* ---- sysfs.c ---- */

void sysfs_put(const char *class, const char *device, const char *attribute, uint64_t value);

/* ---- paths.c ---- */

#define FAKE_PATH 1024

/* The folder of the fake devices; NULL if there is none, and no call is replaced. */
const char *fake_root(void);
void fake_file(char into[FAKE_PATH], const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The path for the kernel: `path` itself, or another one in `buffer`. */
const char *fake_path(const char *path, char buffer[FAKE_PATH]);
/* The name below /dev if `path` is a fake device; otherwise NULL. */
const char *fake_node(const char *path);
/* Translates a path in the folder of the fake to the path that programs see. */
void fake_visible(char *path);

/* ---- real.c: the functions of libc behind the wrappers ---- */

void *real_symbol(const char *name);
/* `REAL(open64)(path, flags)`: looked up once at each use. */
#define REAL(name)                                            \
  (__extension__({                                            \
    static __typeof__(&name) found_;                          \
    if (found_ == NULL) found_ = (__typeof__(&name))real_symbol(#name); \
    found_;                                                   \
  }))

#endif
