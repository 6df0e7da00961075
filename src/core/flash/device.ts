/**
 * The contract of everything that can be flashed. test/conformance runs one suite on every implementation.
 *
 * An implementation
 * - must refuse (ERR_FLASH_RANGE) what is misaligned or outside the device, and change nothing then;
 * - must refuse (ERR_FLASH_OVERLAP) an operation while another one is running, and must not queue it;
 * - must honour `signal` before an operation starts (ERR_SESSION_INTERRUPTED), and must not cut a running one short;
 * - must report what it cannot do as the value `UNSUPPORTED`, and what it tried and failed as an error;
 * - must not retry: the block writer decides about that;
 * - must refuse every operation after `close` (ERR_FLASH_CLOSED).
 *
 * @packageDocumentation
 */
import type { Abort } from '../platform.js';

/** NOR clears single bits and has no bad blocks; NAND writes whole pages once an erase, and has. */
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

/** Says that the device has no such thing (a NOR chip has no bad blocks). Not an error. */
export const UNSUPPORTED = 'unsupported';
export type Unsupported = typeof UNSUPPORTED;

/** Counts since the device was attached (ECCGETSTATS). */
export interface EccStats {
  /** Bit flips that were corrected. */
  readonly corrected: number;
  /** Reads that could not be corrected: the data that came back are wrong. */
  readonly failed: number;
}

/**
 * How flash stands to bytes that it shall hold: equal; other only in bits that a program can clear (NOR); other
 * otherwise.
 */
export type Match = 'same' | 'clears' | 'differs';

/** Options of every operation. */
export interface OperationOptions {
  readonly signal?: Abort | undefined;
}

/** New content for a device that takes it only as a whole; see `FlashDevice.rewrite`. */
export interface Rewrite {
  /**
   * Bytes that the device holds; null when it cannot be read, as a rewrite was not brought to its end. What lies
   * behind them reads as 0xFF.
   * @throws SluiceError ERR_FLASH_READ
   */
  length(): Promise<number | null>;

  /**
   * Takes the old content away for one of `length` bytes, more than 0. Until all of them were appended the device
   * cannot be read (ERR_FLASH_READ), also by the next program and after a power cut. May be called again in the
   * middle: then nothing of what was appended counts.
   * @throws SluiceError ERR_FLASH_ERASE; ERR_BUSY_FLASH when somebody else has it open: then nothing was changed
   */
  begin(length: number, options?: OperationOptions): Promise<void>;

  /**
   * The next bytes, no more than are still missing. After a failure only `begin` may follow.
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
   * Fills `into` from `offset`. Any offset and length within the device. Uncorrectable bits are not an error
   * here: the kernel hides them too; see `eccStats`.
   * @throws SluiceError ERR_FLASH_READ
   */
  read(offset: number, into: Uint8Array, options?: OperationOptions): Promise<void>;

  /**
   * Sets every bit of one erase block.
   * @throws SluiceError ERR_FLASH_ERASE
   */
  erase(block: number, options?: OperationOptions): Promise<void>;

  /**
   * Clears bits so that the range holds `bytes`. Offset and length are multiples of `writeSize`, and the
   * range does not cross an erase block. The caller sees to it that no bit needs setting; on NAND, that no
   * page is programmed twice between erases.
   * @throws SluiceError ERR_FLASH_PROGRAM
   */
  program(offset: number, bytes: Uint8Array, options?: OperationOptions): Promise<void>;

  /**
   * Compares flash from `offset` on with `bytes` without handing them over; any offset and length within the
   * device. Absent where it would be no faster than `read`.
   * @throws SluiceError ERR_FLASH_READ
   */
  compare?(offset: number, bytes: Uint8Array, options?: OperationOptions): Promise<Match>;

  /**
   * Gives one erase block new content, a whole block of bytes, in one step and with no erase before it. On UBI it
   * is atomic (a power cut leaves the old content or the new one); on a block device it is a plain write. Absent
   * on raw flash.
   * @throws SluiceError ERR_FLASH_PROGRAM
   */
  replace?(block: number, bytes: Uint8Array, options?: OperationOptions): Promise<void>;

  /**
   * Whether the block takes up flash at all; one that does not reads as 0xFF, and `erase` makes it so. Only on UBI,
   * where what lies behind an image must take up none: UBIFS counts on it. Absent elsewhere.
   */
  isMapped?(block: number): Promise<boolean>;

  /**
   * There when the device takes new content only as a whole, as a static UBI volume does: `erase` and `program`
   * are refused (ERR_FLASH_READ_ONLY), and its only partition is all of it. Absent elsewhere.
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
   * Milliseconds that so many erases and programmed bytes would keep the device busy. Absent where its timing
   * is not known.
   */
  estimate?(eraseBlocks: number, programBytes: number): number;

  /** Resolves when everything that was programmed would survive a power cut. */
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
   * What else uses this range of flash now, or a range that covers or lies in it, for a message: `mounted at /rw`,
   * `attached to UBI as ubi0`; null when nothing is known to. Absent where there can be nothing. Asked when the
   * partition is planned, before anything is erased.
   */
  inUse?(): Promise<string | null>;
  /**
   * The chip that it lies on and where, in cases where partitions of one chip have devices of their own: two
   * partitions of one `chip` whose ranges meet are the same flash. Absent: `device` and `offset` say it.
   */
  readonly place?: { readonly chip: string; readonly offset: number };
  /**
   * Further chips on which it may lie, where the system does not tell. Good for refusing two images that may be
   * over each other; never for deciding what is written where.
   */
  readonly perhaps?: readonly { readonly chip: string; readonly offset: number }[];
}

/** What a flash address opens: the partitions that can be written, by name. */
export interface FlashTarget {
  /** The address it was opened by, for messages. */
  readonly address: string;
  /**
   * The partitions in the order of their offsets. A partition that covers others (`bmc`, the whole chip) is
   * among them.
   */
  readonly partitions: ReadonlyMap<string, Partition>;
  /** The flash by one name, whichever of several addresses it was opened by; absent where the address is the one. */
  readonly identity?: string;
  /** A partition that was asked for beside those of the address, for what the writer itself has to keep. */
  readonly reserved?: Partition | undefined;
  close(): Promise<void>;
}
