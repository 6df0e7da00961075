/**
 * The functions of the addon: one for each operation of the kernel on a flash device, and no ioctl by number. Every
 * function runs off the main thread and rejects with a `SystemError`, or with a TypeError or RangeError for a wrong
 * argument. Offsets and lengths are bytes, exact up to 2^53 - 1.
 *
 * The rest of node-mtd takes this interface as an argument, so that tests can pass a fake.
 *
 * @packageDocumentation
 */

/** An open device. Closed by `close`, or when it is garbage collected. */
export interface Handle {
  readonly __handle: unique symbol;
}

/** The error of a failed system call. `code` is the name of the errno. */
export interface SystemError extends Error {
  readonly code: string;
  /** Negative, as in errors of Node. */
  readonly errno: number;
  /** Such as `open`, `pwrite`, `MEMERASE64`. */
  readonly syscall: string;
}

export interface OpenFlags {
  /** O_RDWR instead of O_RDONLY. */
  readonly write: boolean;
  /** O_EXCL: on a block device, EBUSY while it is mounted or claimed. */
  readonly exclusive: boolean;
}

/** What a handle is open on (statx). */
export interface Identity {
  readonly kind: 'char' | 'block' | 'file' | 'other';
  /** Of the device that the node stands for; 0 for files. */
  readonly major: number;
  readonly minor: number;
  /** Bytes of a file; 0 for devices. */
  readonly size: number;
}

/** MEMGETINFO (struct mtd_info_user). */
export interface RawMtdInfo {
  /** MTD_NORFLASH 3, MTD_NANDFLASH 4, ... of mtd-abi.h. */
  readonly type: number;
  readonly flags: number;
  /** Bytes, in 32 bits: only sysfs has the size of a device above 4 GiB. */
  readonly size: number;
  readonly eraseSize: number;
  readonly writeSize: number;
  readonly oobSize: number;
}

/** ECCGETSTATS (struct mtd_ecc_stats): counts since the device was attached, in 32 bits. */
export interface RawEccStats {
  readonly corrected: number;
  readonly failed: number;
  readonly bad: number;
  readonly bbt: number;
}

export interface RawBlockInfo {
  /** Bytes (BLKGETSIZE64). */
  readonly size: number;
  /** Bytes (BLKSSZGET). */
  readonly logicalBlock: number;
  /** Bytes (BLKPBSZGET). */
  readonly physicalBlock: number;
  /** BLKROGET. */
  readonly readOnly: boolean;
}

/** Result of `compare`, as `enum device_match` of kernel/io.h: 0 equal, 1 only bits to clear, 2 some bit to set. */
export type RawMatch = 0 | 1 | 2;

export interface NativeBinding {
  /** open(2) with O_CLOEXEC. The path is not interpreted. */
  open(path: string, flags: OpenFlags): Promise<Handle>;
  /** Waits for the running call of the handle. Later calls reject with EBADF. Idempotent. */
  close(handle: Handle): Promise<void>;
  identify(handle: Handle): Promise<Identity>;
  /**
   * Takes the advisory lock of the node without waiting: flock(LOCK_NB) with LOCK_SH if `shared`, LOCK_EX otherwise.
   * Freed by `close` and by the end of the process. False if another descriptor has a lock that is not compatible.
   */
  lock(handle: Handle, shared: boolean): Promise<boolean>;
  /** Fills `into`. A short read is continued; ENODATA if the device ends before. */
  read(handle: Handle, offset: number, into: Uint8Array): Promise<void>;
  /** Writes all of `bytes`. A short write is continued; EIO if the kernel accepts no byte. */
  write(handle: Handle, offset: number, bytes: Uint8Array): Promise<void>;
  /** Compares the device with `bytes` without a copy in JavaScript. Reads no further than the answer needs. */
  compare(handle: Handle, offset: number, bytes: Uint8Array): Promise<RawMatch>;
  /** fsync(2). Succeeds on what has no fsync (EINVAL), as MTD devices. */
  sync(handle: Handle): Promise<void>;
  /**
   * Writes the dirty pages of the range to the device, waits, and drops the range from the page cache (sync_file_range,
   * posix_fadvise), so that the next read asks the device. Pages that could not be written are dropped too. Does not
   * flush the cache of the device itself, as `sync` does. Block devices and files; ESPIPE on others.
   */
  settle(handle: Handle, offset: number, length: number): Promise<void>;

  mtdInfo(handle: Handle): Promise<RawMtdInfo>;
  /** MEMERASE64; MEMERASE on kernels without it, for ranges within 4 GiB. */
  mtdErase(handle: Handle, offset: number, length: number): Promise<void>;
  /** MEMGETBADBLOCK. */
  mtdIsBad(handle: Handle, offset: number): Promise<boolean>;
  /** MEMSETBADBLOCK. */
  mtdMarkBad(handle: Handle, offset: number): Promise<void>;
  /** MEMLOCK, MEMUNLOCK, MEMISLOCKED: EOVERFLOW above 4 GiB. */
  mtdLock(handle: Handle, offset: number, length: number): Promise<void>;
  mtdUnlock(handle: Handle, offset: number, length: number): Promise<void>;
  mtdIsLocked(handle: Handle, offset: number, length: number): Promise<boolean>;
  /** ECCGETSTATS. */
  mtdEccStats(handle: Handle): Promise<RawEccStats>;

  /** UBI_IOCVOLUP: starts an update of `length` bytes, which `ubiAppend` then writes. 0 wipes the volume. */
  ubiStartUpdate(handle: Handle, length: number): Promise<void>;
  /** Writes all of `bytes` at the file position: the next bytes of the update. */
  ubiAppend(handle: Handle, bytes: Uint8Array): Promise<void>;
  /** UBI_IOCEBCH and the write of `bytes`: the LEB has the old content or the new one. Dynamic volumes only. */
  ubiChangeLeb(handle: Handle, leb: number, bytes: Uint8Array): Promise<void>;
  /** UBI_IOCEBER: unmaps the LEB and waits until its old block is erased. */
  ubiEraseLeb(handle: Handle, leb: number): Promise<void>;
  /** UBI_IOCEBUNMAP. */
  ubiUnmapLeb(handle: Handle, leb: number): Promise<void>;
  /** UBI_IOCEBISMAP. */
  ubiIsMapped(handle: Handle, leb: number): Promise<boolean>;
  /** UBI_IOCSETVOLPROP: whether `write` may write to erased LEBs of a dynamic volume. */
  ubiDirectWrite(handle: Handle, on: boolean): Promise<void>;

  blockInfo(handle: Handle): Promise<RawBlockInfo>;
  /** BLKDISCARD. */
  blockDiscard(handle: Handle, offset: number, length: number): Promise<void>;
  /** BLKZEROOUT. */
  blockZero(handle: Handle, offset: number, length: number): Promise<void>;
}
