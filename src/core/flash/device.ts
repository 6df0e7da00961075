/**
 * The contract of flash devices. test/conformance runs one suite on every implementation.
 *
 * An implementation
 * - must refuse (ERR_FLASH_RANGE) a range that is misaligned or outside the device, and change nothing;
 * - must refuse (ERR_FLASH_OVERLAP) an operation while another one runs, and must not queue it;
 * - must check `signal` before an operation starts (ERR_SESSION_INTERRUPTED), and must not interrupt a running one;
 * - must return the value `UNSUPPORTED` for what it cannot do, and throw if an operation fails;
 * - must not retry: the block writer does;
 * - must refuse every operation after `close` (ERR_FLASH_CLOSED).
 *
 * @packageDocumentation
 */
import type { Abort } from '../platform.js';

/** NOR clears single bits and has no bad blocks. NAND writes each page once an erase and has bad blocks. */
export type FlashType = 'nor' | 'nand' | 'ubi' | 'block';

/** Shape of a flash device; all sizes in bytes. */
export interface Geometry {
  readonly type: FlashType;
  /** Size of the device, a multiple of `eraseSize`. */
  readonly size: number;
  /** Size of an erase block. */
  readonly eraseSize: number;
  /** Smallest unit of a program: 1 on plain NOR, a page on NAND. Divides `eraseSize`. */
  readonly writeSize: number;
}

/** The device has no such feature: a NOR chip has no bad blocks. Not an error. */
export const UNSUPPORTED = 'unsupported';
export type Unsupported = typeof UNSUPPORTED;

/** Counts since the device was attached (ECCGETSTATS). */
export interface EccStats {
  /** Bit flips that were corrected. */
  readonly corrected: number;
  /** Reads that could not be corrected: they returned wrong data. */
  readonly failed: number;
}

/**
 * How flash compares to wanted bytes: `same`; `clears`, if it differs only in bits that a program can clear (NOR);
 * `differs` in all other cases.
 */
export type Match = 'same' | 'clears' | 'differs';

/** Options of every operation. */
export interface OperationOptions {
  readonly signal?: Abort | undefined;
}

/** Writes the whole content of a device; see `FlashDevice.rewrite`. */
export interface Rewrite {
  /**
   * Bytes that the device holds; null if an interrupted rewrite left it unreadable. The space after them reads as
   * 0xFF.
   * @throws SluiceError ERR_FLASH_READ
   */
  length(): Promise<number | null>;

  /**
   * Removes the old content and starts a new one of `length` bytes, at least 1. The device cannot be read
   * (ERR_FLASH_READ) until all bytes are appended, even by another process or after a power cut. A second call starts
   * again from the first byte.
   * @throws SluiceError ERR_FLASH_ERASE; ERR_BUSY_FLASH, with the flash unchanged, if another process has it open
   */
  begin(length: number, options?: OperationOptions): Promise<void>;

  /**
   * Appends the next bytes, at most as many as are missing. After a failure only `begin` is allowed.
   * @throws SluiceError ERR_FLASH_PROGRAM
   */
  append(bytes: Uint8Array, options?: OperationOptions): Promise<void>;
}

/** One flash device. Offsets are bytes from its start; `block` counts erase blocks from its start. */
export interface FlashDevice {
  /** Name for messages. */
  readonly name: string;
  readonly geometry: Geometry;

  /**
   * Fills `into` from `offset`. Any offset and length within the device. Uncorrectable bits are not an error: the
   * kernel hides them too; see `eccStats`.
   * @throws SluiceError ERR_FLASH_READ
   */
  read(offset: number, into: Uint8Array, options?: OperationOptions): Promise<void>;

  /**
   * Sets every bit of one erase block.
   * @throws SluiceError ERR_FLASH_ERASE
   */
  erase(block: number, options?: OperationOptions): Promise<void>;

  /**
   * Clears bits so that the range holds `bytes`. Offset and length are multiples of `writeSize`, and the range does
   * not cross an erase block. The caller must not set bits, nor program a page of NAND twice between erases.
   * @throws SluiceError ERR_FLASH_PROGRAM
   */
  program(offset: number, bytes: Uint8Array, options?: OperationOptions): Promise<void>;

  /**
   * Compares flash from `offset` with `bytes`, without copying it to the caller. Any offset and length within the
   * device. Absent if it is no faster than `read`.
   * @throws SluiceError ERR_FLASH_READ
   */
  compare?(offset: number, bytes: Uint8Array, options?: OperationOptions): Promise<Match>;

  /**
   * Gives one erase block new content, a whole block of bytes, without an erase before. On UBI it is atomic: a power
   * cut leaves the old or the new content. On a block device it is a plain write. Absent on raw flash.
   * @throws SluiceError ERR_FLASH_PROGRAM
   */
  replace?(block: number, bytes: Uint8Array, options?: OperationOptions): Promise<void>;

  /**
   * Whether the block is mapped to flash. An unmapped block reads as 0xFF; `erase` unmaps. Only on UBI, where blocks
   * after an image must be unmapped: UBIFS requires it. Absent elsewhere.
   */
  isMapped?(block: number): Promise<boolean>;

  /**
   * Present if the device can only be written as a whole, such as a static UBI volume: `erase` and `program` are
   * refused (ERR_FLASH_READ_ONLY), and the only partition covers the device. Absent elsewhere.
   */
  readonly rewrite?: Rewrite;

  /** Whether the block is marked bad, by the factory or later. NOR answers UNSUPPORTED. */
  isBad(block: number): Promise<boolean | Unsupported>;

  /** Marks the block bad for good. NOR answers UNSUPPORTED. */
  markBad(block: number): Promise<void | Unsupported>;

  /** Lifts write protection from `count` blocks; devices without locks answer UNSUPPORTED. */
  unlock(block: number, count: number): Promise<void | Unsupported>;

  /** ECC counts; devices without ECC answer UNSUPPORTED. */
  eccStats(): Promise<EccStats | Unsupported>;

  /**
   * Milliseconds that these erases and programmed bytes keep the device busy. Absent if the timing is unknown.
   */
  estimate?(eraseBlocks: number, programBytes: number): number;

  /** Resolves when everything programmed would survive a power cut. */
  sync(): Promise<void>;

  /** Waits for the running operation and closes. Idempotent. */
  close(): Promise<void>;
}

/** A named range of a flash device. Offset and size are multiples of the erase size. */
export interface Partition {
  readonly name: string;
  readonly device: FlashDevice;
  /** Bytes from the start of the device. */
  readonly offset: number;
  /** Bytes. */
  readonly size: number;
  /**
   * What else uses this range of flash now, or a range that overlaps it, for a message: `mounted at /rw`, `attached to
   * UBI as ubi0`; null if nothing is known. Absent if nothing else can use it. Called when the update is planned,
   * before anything is erased.
   */
  inUse?(): Promise<string | null>;
  /**
   * Chip and offset, if each partition of a chip has a device of its own: partitions with the same `chip` and
   * overlapping ranges share flash. Default: `device` and `offset`.
   */
  readonly place?: { readonly chip: string; readonly offset: number };
  /**
   * Further chips that the partition may be on, if the system does not say which. Used to refuse two images that may
   * overlap, never to decide where to write.
   */
  readonly possiblePlaces?: readonly { readonly chip: string; readonly offset: number }[];
}

/** An opened flash address: the partitions that can be written, by name. */
export interface FlashTarget {
  /** For messages. */
  readonly address: string;
  /**
   * In the order of their offsets. Includes a partition that covers others (`bmc`, the whole chip).
   */
  readonly partitions: ReadonlyMap<string, Partition>;
  /** One name for the flash, whichever of its addresses opened it. Default: the address. */
  readonly identity?: string;
  /** A partition for the state of sluice itself, if one was asked for. */
  readonly reserved?: Partition | undefined;
  close(): Promise<void>;
}
