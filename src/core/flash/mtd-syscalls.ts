/**
 * The port of the drivers for MTD, UBI and block devices: what they need from a kernel. node-mtd provides it on Linux;
 * another host provides its own. The host opens, lists and locks devices and looks for their users.
 *
 * An implementation
 * - must reject with an Error whose `code` is the name of errno (`EIO`), whose `errno` is the number, negative, and
 *   whose `message` says what failed; errno.ts says what each of them means;
 * - must reject, and change nothing, if a range is outside the device;
 * - must read and write all bytes of a range or reject: short reads and writes are continued;
 * - must return the value `UNSUPPORTED` if the kernel or its driver has no such operation, where the type allows it;
 * - must stay with the device that was opened, whatever its number or path leads to later;
 * - must not change bytes that were passed in, nor keep them after it has settled.
 *
 * A caller makes one call at a time. Offsets, lengths and sizes are bytes, exact up to 2^53.
 *
 * @packageDocumentation
 */
import type { EccStats, Match, Unsupported } from './device.js';

/** Operations of every open device. */
interface OpenDevice {
  /** Fills `into` from `offset`. ENODATA after the end of the device. */
  read(offset: number, into: Uint8Array): Promise<void>;
  /** Compares the device from `offset` with `bytes`; reads no further than the answer needs. */
  compare(offset: number, bytes: Uint8Array): Promise<Match>;
  /** Resolves when everything that was written would survive a power cut. */
  sync(): Promise<void>;
  /** Waits for the running call. Idempotent. */
  close(): Promise<void>;
}

/** The type of an MTD as sysfs has it; `unknown` for any other. */
export type MtdType =
  'absent' | 'ram' | 'rom' | 'nor' | 'nand' | 'mlc-nand' | 'dataflash' | 'ubi' | 'unknown';

/** What the kernel reports about an MTD: a chip or a partition of one. */
export interface MtdFacts {
  /** The N of mtdN. Differs from boot to boot. */
  readonly index: number;
  /** Not unique. */
  readonly name: string;
  readonly type: MtdType;
  /** MTD_WRITEABLE 0x400, MTD_NO_ERASE 0x1000 and others of mtd-abi.h. */
  readonly flags: number;
  readonly size: number;
  /** 0 if the MTD cannot be erased. */
  readonly eraseSize: number;
  readonly writeSize: number;
  /** Bytes from the start of the parent MTD; null if the MTD is no partition, or the kernel does not report it. */
  readonly offset: number | null;
  /** Index of the parent MTD; null if sysfs does not show it. */
  readonly parent: number | null;
  /** The sysfs folder of the MTD; all chips of a controller are in the same folder. */
  readonly siblingsOf: string;
}

/** One open MTD. */
export interface MtdSyscalls extends OpenDevice {
  /** Programs bits from 1 to 0; on NAND whole pages. Blocks marked bad are programmed too. */
  program(offset: number, bytes: Uint8Array): Promise<void>;
  /**
   * Erases whole erase blocks: offset and length are multiples of the erase size. A driver without an erase rejects
   * with EOPNOTSUPP, ENOTTY or errno -524 (ENOTSUPP).
   */
  erase(offset: number, length: number): Promise<void>;
  /** Whether the block at `offset` is marked bad. */
  isBad(offset: number): Promise<boolean | Unsupported>;
  /** Marks the block at `offset` bad, for good. */
  markBad(offset: number): Promise<void | Unsupported>;
  /** Lifts write protection. EOVERFLOW above 4 GiB; EINVAL if the chip cannot lock just this range. */
  unlock(offset: number, length: number): Promise<void | Unsupported>;
  /** Whether all of the range is write protected. EOVERFLOW and EINVAL as `unlock`. */
  isLocked(offset: number, length: number): Promise<boolean | Unsupported>;
  /** Counts since the device was attached; zeros without ECC. */
  eccStats(): Promise<EccStats | Unsupported>;
}

/** What the kernel reports about a UBI volume. */
export interface UbiFacts {
  /** The N of ubiN_M. */
  readonly ubi: number;
  /** The M of ubiN_M. */
  readonly volume: number;
  /** Unique within one UBI device only. */
  readonly name: string;
  /** Usable bytes of a LEB. */
  readonly lebSize: number;
  /** Smallest unit of a write; divides `lebSize`. */
  readonly minIo: number;
}

/**
 * One open UBI volume. Offsets are linear over its LEBs: LEB n starts at n * lebSize. ENOSPC: UBI has no free erase
 * block left. EBADF from `read`, `compare` and `isMapped`: the volume has an update marker.
 */
export interface UbiSyscalls extends OpenDevice {
  /** Writes into erased space of a dynamic volume, in multiples of `minIo`. Call `directWrite(true)` before. */
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Enables `write` (UBI_VOL_PROP_DIRECT_WRITE). */
  directWrite(on: boolean): Promise<void>;
  /** Unmaps a LEB, which then reads as 0xFF, and waits until its old content is erased. */
  eraseLeb(leb: number): Promise<void>;
  /**
   * Gives a LEB new content of at most `lebSize` bytes, atomically (UBI_IOCEBCH). After a failure the volume must be
   * closed: the kernel waits for the rest of the bytes until then.
   */
  changeLeb(leb: number, bytes: Uint8Array): Promise<void>;
  isMapped(leb: number): Promise<boolean>;
  /** Removes the content and starts a new one of `length` bytes (UBI_IOCVOLUP); 0 wipes the volume. */
  startUpdate(length: number): Promise<void>;
  /** Appends bytes to the started update, at most as many as are missing. */
  append(bytes: Uint8Array): Promise<void>;
}

/** One open block device. ENOSPC: a write after its end. */
export interface BlockSyscalls extends OpenDevice {
  readonly path: string;
  readonly size: number;
  /** Bytes of a logical block. */
  readonly logicalBlock: number;
  write(offset: number, bytes: Uint8Array): Promise<void>;
  /** Makes the range read as zeros (BLKZEROOUT). */
  zero(offset: number, length: number): Promise<void | Unsupported>;
  /**
   * Flushes the range from the page cache to the device and drops it from the cache: the next read comes from the
   * device.
   */
  settle(offset: number, length: number): Promise<void>;
}
