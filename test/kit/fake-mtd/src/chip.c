#define _GNU_SOURCE
#include "fake.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <unistd.h>

#define PIECE 65536

static pthread_mutex_t list_mutex = PTHREAD_MUTEX_INITIALIZER;
static struct chip *chips;

static _Noreturn void give_up(const char *what, const char *name) {
  fprintf(stderr, "fake-mtd: %s %s: %s\n", what, name, strerror(errno));
  abort();
}

/* A high number: programs expect the lowest free descriptors. */
static int open_high(const char *name, const char *suffix) {
  char path[FAKE_PATH];
  fake_file(path, "chips/%s.%s", name, suffix);
  int low = REAL(open64)(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (low < 0) give_up("cannot open", path);
  int high = REAL(fcntl)(low, F_DUPFD_CLOEXEC, 500);
  if (high < 0) return low;
  REAL(close)(low);
  return high;
}

static void take_flock(int fd, int how) {
  while (REAL(flock)(fd, how) != 0) {
    if (errno != EINTR) give_up("cannot lock", "state");
  }
}

static struct chip *chip_open(const char *name, uint64_t size, uint32_t erase_size, uint32_t write_size) {
  struct chip *chip = calloc(1, sizeof *chip);
  if (chip == NULL) give_up("no memory for", name);
  snprintf(chip->name, sizeof chip->name, "%s", name);
  chip->size = size;
  chip->erase_size = erase_size;
  chip->write_size = write_size;
  chip->data_fd = open_high(name, "data");
  chip->state_fd = open_high(name, "state");
  pthread_mutex_init(&chip->mutex, NULL);
  size_t blocks = size / erase_size;
  size_t length = sizeof(struct chip_state) + blocks + (write_size > 1 ? size / write_size : 0);
  take_flock(chip->state_fd, LOCK_EX);
  if (REAL(lseek64)(chip->state_fd, 0, SEEK_END) < (off64_t)length) {
    if (REAL(ftruncate64)(chip->state_fd, length) != 0) give_up("cannot extend", name);
  }
  if (REAL(lseek64)(chip->data_fd, 0, SEEK_END) < (off64_t)size) {
    if (REAL(ftruncate64)(chip->data_fd, size) != 0) give_up("cannot extend", name);
  }
  chip->state = mmap(NULL, length, PROT_READ | PROT_WRITE, MAP_SHARED, chip->state_fd, 0);
  if (chip->state == MAP_FAILED) give_up("cannot map", name);
  chip->state->magic = CHIP_MAGIC;
  chip->pages = write_size > 1 ? chip->state->blocks + blocks : NULL;
  take_flock(chip->state_fd, LOCK_UN);
  return chip;
}

struct chip *chip_get(const char *name, uint64_t size, uint32_t erase_size, uint32_t write_size) {
  pthread_mutex_lock(&list_mutex);
  struct chip *chip = chips;
  while (chip != NULL && strcmp(chip->name, name) != 0) chip = chip->next;
  if (chip == NULL) {
    chip = chip_open(name, size, erase_size, write_size);
    chip->next = chips;
    chips = chip;
  }
  pthread_mutex_unlock(&list_mutex);
  return chip;
}

void chip_lock(struct chip *chip) {
  pthread_mutex_lock(&chip->mutex);
  take_flock(chip->state_fd, LOCK_EX);
}

void chip_unlock(struct chip *chip) {
  take_flock(chip->state_fd, LOCK_UN);
  pthread_mutex_unlock(&chip->mutex);
}

uint64_t chip_block(const struct chip *chip, uint64_t at) {
  return at / chip->erase_size;
}

static void invert(uint8_t *bytes, size_t length) {
  for (size_t i = 0; i < length; i++) bytes[i] = ~bytes[i];
}

void chip_read(struct chip *chip, uint64_t at, void *into, size_t length) {
  uint8_t *bytes = into;
  for (size_t done = 0; done < length;) {
    ssize_t got = REAL(pread64)(chip->data_fd, bytes + done, length - done, at + done);
    if (got <= 0) give_up("cannot read", chip->name);
    done += got;
  }
  invert(bytes, length);
}

/* Takes inverted bytes. */
static void store(struct chip *chip, uint64_t at, const uint8_t *inverted, size_t length) {
  for (size_t done = 0; done < length;) {
    ssize_t put = REAL(pwrite64)(chip->data_fd, inverted + done, length - done, at + done);
    if (put <= 0) give_up("cannot write", chip->name);
    done += put;
  }
}

static bool take_pages(struct chip *chip, uint64_t at, size_t length) {
  if (chip->pages == NULL || length == 0) return true;
  bool fresh = true;
  uint64_t last = (at + length - 1) / chip->write_size;
  for (uint64_t page = at / chip->write_size; page <= last; page++) {
    if (chip->pages[page] != 0) fresh = false;
    chip->pages[page] = 1;
  }
  return fresh;
}

bool chip_program(struct chip *chip, uint64_t at, const void *bytes, size_t length) {
  const uint8_t *wanted = bytes;
  bool legal = take_pages(chip, at, length);
  uint8_t cells[PIECE];
  for (size_t done = 0; done < length;) {
    size_t count = length - done < PIECE ? length - done : PIECE;
    chip_read(chip, at + done, cells, count);
    for (size_t i = 0; i < count; i++) {
      if ((wanted[done + i] & ~cells[i]) != 0 && chip->pages == NULL) legal = false;
      cells[i] = ~(cells[i] & wanted[done + i]);
    }
    store(chip, at + done, cells, count);
    done += count;
  }
  return legal;
}

void chip_put(struct chip *chip, uint64_t at, const void *bytes, size_t length) {
  take_pages(chip, at, length);
  uint8_t cells[PIECE];
  for (size_t done = 0; done < length;) {
    size_t count = length - done < PIECE ? length - done : PIECE;
    memcpy(cells, (const uint8_t *)bytes + done, count);
    invert(cells, count);
    store(chip, at + done, cells, count);
    done += count;
  }
}

void chip_erase(struct chip *chip, uint64_t at, uint64_t length) {
  if (length == 0) return;
  if (REAL(fallocate64)(chip->data_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, length) != 0) {
    static const uint8_t erased[PIECE]; /* inverted */
    for (uint64_t done = 0; done < length; done += PIECE) {
      store(chip, at + done, erased, length - done < PIECE ? length - done : PIECE);
    }
  }
  if (chip->pages != NULL) memset(chip->pages + at / chip->write_size, 0, length / chip->write_size);
}

void chip_erase_torn(struct chip *chip, uint64_t at, uint64_t length) {
  uint64_t front = length / 2;
  uint8_t cells[512];
  size_t count = length - front < sizeof cells ? length - front : sizeof cells;
  if (chip->pages != NULL) front -= front % chip->write_size;
  chip_erase(chip, at, front);
  chip_read(chip, at + front, cells, count);
  /* Some bits are set, by a pattern so that runs repeat. */
  for (size_t i = 0; i < count; i++) cells[i] |= (uint8_t)(0x5b * (i + 1));
  invert(cells, count);
  store(chip, at + front, cells, count);
}

void chip_program_torn(struct chip *chip, uint64_t at, const void *bytes, size_t length) {
  size_t page = chip->pages == NULL ? 256 : chip->write_size;
  uint8_t cells[16384];
  size_t count = length < page ? length : page;
  if (count > sizeof cells) count = sizeof cells;
  memcpy(cells, bytes, count);
  for (size_t i = 0; i < count; i++) cells[i] |= (uint8_t)(0xa5 + i);
  chip_program(chip, at, cells, count);
}
