/**
 * What the C addon offers: one function for each thing that the kernel can do to a flash device, and no ioctl by
 * number. Every function runs off the main thread and rejects with a `SystemError`. Arguments are checked on both
 * sides; offsets and lengths are bytes and exact up to 2^53.
 *
 * The rest of node-mtd is written against this interface, so that it runs on a fake one in tests.
 *
 * @packageDocumentation
 */

/** An open device. Closed by `close`, or by the collector when it was forgotten. */
export interface Handle {
  readonly __handle: unique symbol;
}

/** How a failed system call rejects: `code` is the name of errno, `syscall` what was asked of the kernel. */
export interface SystemError extends Error {
  readonly code: string;
  /** Negative, as Node's own. */
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

/** fstat of an open handle. */
export interface Identity {
  readonly kind: 'char' | 'block' | 'file' | 'other';
  /** Of the device itself (st_rdev); 0 for files. */
  readonly major: number;
  readonly minor: number;
  /** st_size; 0 for devices. */
  readonly size: number;
}

/** MEMGETINFO (struct mtd_info_user). */
export interface RawMtdInfo {
  /** MTD_NORFLASH 3, MTD_NANDFLASH 4, ... of mtd-abi.h. */
  readonly type: number;
  readonly flags: number;
  /** 32 bits: devices above 4 GiB tell their true size in sysfs only. */
  readonly size: number;
  readonly eraseSize: number;
  readonly writeSize: number;
  readonly oobSize: number;
}

/** ECCGETSTATS (struct mtd_ecc_stats), counts since the device was attached; 32 bits each. */
export interface RawEccStats {
  readonly corrected: number;
  readonly failed: number;
  readonly bad: number;
  readonly bbt: number;
}

export interface RawBlockInfo {
  /** BLKGETSIZE64. */
  readonly size: number;
  /** BLKSSZGET. */
  readonly logicalBlock: number;
  /** BLKPBSZGET. */
  readonly physicalBlock: number;
  /** BLKROGET. */
  readonly readOnly: boolean;
}

/** Result of `compare`: 0 equal, 1 the bytes are flash with some bits cleared, 2 some bit would have to be set. */
export type RawMatch = 0 | 1 | 2;

export interface NativeBinding {
  /** open(2) with O_CLOEXEC. The path is not interpreted. */
  open(path: string, flags: OpenFlags): Promise<Handle>;
  /** Waits for the call that is running on the handle. Later calls reject with EBADF. Idempotent. */
  close(handle: Handle): Promise<void>;
  identify(handle: Handle): Promise<Identity>;
  /**
   * flock(LOCK_NB), LOCK_SH if `shared` and LOCK_EX if not; false when somebody else's lock does not go with it. Freed
   * by close and by death.
   */
  lock(handle: Handle, shared: boolean): Promise<boolean>;
  /** Fills `into`; short reads go on, the end of the device is ENODATA. */
  read(handle: Handle, offset: number, into: Uint8Array): Promise<void>;
  /** Writes all of `bytes`; short writes go on. */
  write(handle: Handle, offset: number, bytes: Uint8Array): Promise<void>;
  /** Reads as many bytes as `bytes` has and compares; no copy is handed over. */
  compare(handle: Handle, offset: number, bytes: Uint8Array): Promise<RawMatch>;
  /** fsync(2); what has no such thing (EINVAL) is done. */
  sync(handle: Handle): Promise<void>;
  /**
   * Writes what is dirty of the range to the device, waits for it and drops the range from the page cache
   * (sync_file_range of all three flags, posix_fadvise DONTNEED), so that the next read asks the device; what could not
   * be written is dropped too. Does not
   * flush the device's own cache, as `sync` does. Block devices and files; ESPIPE on others.
   */
  settle(handle: Handle, offset: number, length: number): Promise<void>;

  mtdInfo(handle: Handle): Promise<RawMtdInfo>;
  /** MEMERASE64; MEMERASE on kernels that lack it and ranges within 32 bits. */
  mtdErase(handle: Handle, offset: number, length: number): Promise<void>;
  /** MEMGETBADBLOCK. */
  mtdIsBad(handle: Handle, offset: number): Promise<boolean>;
  /** MEMSETBADBLOCK. */
  mtdMarkBad(handle: Handle, offset: number): Promise<void>;
  /** MEMLOCK, MEMUNLOCK, MEMISLOCKED: 32 bits; EOVERFLOW beyond. */
  mtdLock(handle: Handle, offset: number, length: number): Promise<void>;
  mtdUnlock(handle: Handle, offset: number, length: number): Promise<void>;
  mtdIsLocked(handle: Handle, offset: number, length: number): Promise<boolean>;
  /** ECCGETSTATS. */
  mtdEccStats(handle: Handle): Promise<RawEccStats>;

  /** UBI_IOCVOLUP: declares a new content of so many bytes, which `ubiAppend` then brings. 0 wipes the volume. */
  ubiStartUpdate(handle: Handle, length: number): Promise<void>;
  /** write(2) at the file position, all of it: the bytes of an update that was declared. */
  ubiAppend(handle: Handle, bytes: Uint8Array): Promise<void>;
  /** UBI_IOCEBCH and the write of all bytes: the LEB has the old content or the new one. Dynamic volumes only. */
  ubiChangeLeb(handle: Handle, leb: number, bytes: Uint8Array): Promise<void>;
  /** UBI_IOCEBER: unmaps the LEB and waits until its old block is erased. */
  ubiEraseLeb(handle: Handle, leb: number): Promise<void>;
  /** UBI_IOCEBUNMAP. */
  ubiUnmapLeb(handle: Handle, leb: number): Promise<void>;
  /** UBI_IOCEBISMAP. */
  ubiIsMapped(handle: Handle, leb: number): Promise<boolean>;
  /** UBI_IOCSETVOLPROP UBI_VOL_PROP_DIRECT_WRITE: lets `write` write into erased LEBs of a dynamic volume. */
  ubiDirectWrite(handle: Handle, on: boolean): Promise<void>;

  blockInfo(handle: Handle): Promise<RawBlockInfo>;
  /** BLKDISCARD. */
  blockDiscard(handle: Handle, offset: number, length: number): Promise<void>;
  /** BLKZEROOUT. */
  blockZero(handle: Handle, offset: number, length: number): Promise<void>;
}
