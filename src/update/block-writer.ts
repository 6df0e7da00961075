import { asSluiceError, SluiceError } from '../errors.js';
import { UNSUPPORTED, type FlashDevice, type OperationOptions } from '../flash/device.js';
import type { Platform } from '../platform.js';

/**
 * Attempts at one block. A worn NOR block often takes the second erase; one that fails three times in a row
 * will not hold data either (swupdate and flashcp do not retry at all, u-boot's sf gives up at once).
 */
const ATTEMPTS = 3;

/** Bytes read at once for compares: small enough to be fixed state, large enough to keep a chip streaming. */
const SCRATCH_SIZE = 16 * 1024;

/** Page of SPI NOR: the unit in which a program is sent to the chip, so the finest worth telling apart. */
const NOR_PAGE = 256;

/** What a block needs to become its new content. */
export type Change = 'none' | 'program' | 'erase';

/** Told what happens to a block, for counting and drawing. */
export interface BlockEvents {
  /** An erase or a program is about to begin: from here on the block may be other than it was. */
  touched?(block: number): void;
  erased?(block: number): void;
  programmed?(block: number, withoutErase: boolean): void;
  readBack?(block: number): void;
  /** An operation on the block failed and is tried again. */
  retried?(block: number): void;
}

/**
 * Brings one erase block at a time to its new content with as little wear as possible: compare, program
 * without erase where NOR allows it, otherwise erase and program what is not 0xFF, read back, retry.
 * It does not decide where a block goes nor whether it may be written.
 */
export class BlockWriter {
  readonly #device: FlashDevice;
  readonly #platform: Platform;
  readonly #events: BlockEvents;
  #options: OperationOptions;
  readonly #scratch: Uint8Array;
  readonly #page: number;
  /** Milliseconds spent in flash operations. */
  flashTime = 0;

  constructor(device: FlashDevice, platform: Platform, events: BlockEvents, options: OperationOptions) {
    const { eraseSize, writeSize } = device.geometry;
    this.#device = device;
    this.#platform = platform;
    this.#events = events;
    this.#options = options;
    this.#page = Math.max(writeSize, Math.min(NOR_PAGE, eraseSize));
    this.#scratch = new Uint8Array(Math.min(Math.max(SCRATCH_SIZE, this.#page), eraseSize));
  }

  /** From here on the signal is not looked at any more: what begins now is not to be left half done. */
  ignoreAbort(): void {
    this.#options = {};
  }

  /**
   * What `block` needs to hold `bytes` (one erase block). Reads as much of it as it takes to know.
   * @throws SluiceError ERR_FLASH_READ after all attempts (on NAND such a block is to be written anew instead,
   * which brings it back or shows that it is bad)
   */
  async change(block: number, bytes: Uint8Array): Promise<Change> {
    try {
      return await this.#compare(block, bytes);
    } catch (thrown) {
      const unreadable = asSluiceError(thrown).code === 'ERR_FLASH_READ';
      if (unreadable && this.#device.geometry.type === 'nand') return 'erase';
      throw thrown;
    }
  }

  /**
   * Fills `into` from the start of `block`.
   * @throws SluiceError ERR_FLASH_READ after all attempts
   */
  async read(block: number, into: Uint8Array): Promise<void> {
    const offset = block * this.#device.geometry.eraseSize;
    await this.#readAt(block, offset, into);
  }

  async #compare(block: number, bytes: Uint8Array): Promise<Change> {
    const { type, writeSize } = this.#device.geometry;
    const canClear = type === 'nor' && writeSize === 1;
    let change: Change = 'none';
    const ecc = await this.#eccFailed();
    for (let at = 0; at < bytes.length; at += this.#scratch.length) {
      const have = await this.#readPart(block, at, bytes.length);
      const want = bytes.subarray(at, at + have.length);
      if (this.#platform.equal(have, want)) continue;
      if (!canClear || !onlyClears(have, want)) return 'erase';
      change = 'program';
    }
    // A read that ECC could not mend may look equal by luck only.
    return (await this.#eccFailed()) === ecc ? change : 'erase';
  }

  /** Erases `block`; retried like a write. */
  async erase(block: number): Promise<void> {
    await this.#attempts(block, () => this.#erase(block));
  }

  /**
   * Brings `block` from its present content to `bytes`, which `change` said it needs.
   * @throws SluiceError ERR_FLASH_ERASE, ERR_FLASH_PROGRAM, ERR_FLASH_READ_BACK after all attempts
   */
  async write(block: number, bytes: Uint8Array, change: Change): Promise<void> {
    let needed = change;
    await this.#attempts(block, async () => {
      if (needed === 'program') {
        needed = 'erase';
        await this.#programCleared(block, bytes);
        this.#events.programmed?.(block, true);
      } else {
        await this.#erase(block);
        await this.#programErased(block, bytes);
      }
      await this.#readBack(block, bytes);
    });
  }

  /** Programs a block that was erased before and has been left so (a shut gate), then reads it back. */
  async fill(block: number, bytes: Uint8Array): Promise<void> {
    let erased = true;
    await this.#attempts(block, async () => {
      if (!erased) await this.#erase(block);
      erased = false;
      await this.#programErased(block, bytes);
      await this.#readBack(block, bytes);
    });
  }

  async #attempts(block: number, attempt: () => Promise<void>): Promise<void> {
    for (let left = ATTEMPTS - 1; ; left--) {
      try {
        return await attempt();
      } catch (thrown) {
        if (left === 0 || !isWear(asSluiceError(thrown))) throw thrown;
        this.#events.retried?.(block);
      }
    }
  }

  async #erase(block: number): Promise<void> {
    await this.#touch(block, () => this.#device.erase(block, this.#options));
    this.#events.erased?.(block);
  }

  /** Programs the pages that are not all 0xFF, neighbouring ones together. */
  async #programErased(block: number, bytes: Uint8Array): Promise<void> {
    const any = await this.#programPages(block, bytes, 0, bytes.length, null);
    if (any) this.#events.programmed?.(block, false);
  }

  /** Programs the pages that differ from what is in flash; only 1 to 0 bits are needed. */
  async #programCleared(block: number, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length; at += this.#scratch.length) {
      const have = await this.#readPart(block, at, bytes.length);
      await this.#programPages(block, bytes, at, at + have.length, have);
    }
  }

  /** @param have - what is in flash from `from` on; null where it is erased */
  async #programPages(
    block: number,
    bytes: Uint8Array,
    from: number,
    to: number,
    have: Uint8Array | null,
  ): Promise<boolean> {
    const base = block * this.#device.geometry.eraseSize;
    let any = false;
    let run = -1;
    for (let at = from; at <= to; at += this.#page) {
      const take = at < to && differs(bytes, at, Math.min(at + this.#page, to), have, at - from);
      if (take && run < 0) run = at;
      if (take || run < 0) continue;
      const start = run;
      run = -1;
      any = true;
      const page = bytes.subarray(start, at);
      await this.#touch(block, () => this.#device.program(base + start, page, this.#options));
    }
    return any;
  }

  async #readBack(block: number, bytes: Uint8Array): Promise<void> {
    const ecc = await this.#eccFailed();
    let equal = true;
    for (let at = 0; at < bytes.length && equal; at += this.#scratch.length) {
      const have = await this.#readPart(block, at, bytes.length);
      equal = this.#platform.equal(have, bytes.subarray(at, at + have.length));
    }
    if (equal && (await this.#eccFailed()) === ecc) {
      this.#events.readBack?.(block);
      return;
    }
    throw new SluiceError(
      'ERR_FLASH_READ_BACK',
      `block ${block} of ${this.#device.name} does not read back as it was programmed`,
      { block },
    );
  }

  /** Reads one scratch buffer full, less at the end of the block; the view is valid until the next read. */
  async #readPart(block: number, at: number, length: number): Promise<Uint8Array> {
    const into = this.#scratch.subarray(0, Math.min(this.#scratch.length, length - at));
    await this.#readAt(block, block * this.#device.geometry.eraseSize + at, into);
    return into;
  }

  async #readAt(block: number, offset: number, into: Uint8Array): Promise<void> {
    await this.#attempts(block, () => this.#timed(() => this.#device.read(offset, into, this.#options)));
  }

  async #eccFailed(): Promise<number> {
    if (this.#device.geometry.type !== 'nand') return 0;
    const stats = await this.#device.eccStats();
    return stats === UNSUPPORTED ? 0 : stats.failed;
  }

  /** Runs an erase or a program, unless the session is to stop: then the block stays what it was. */
  async #touch(block: number, operation: () => Promise<void>): Promise<void> {
    if (this.#options.signal?.aborted === true) {
      throw new SluiceError('ERR_SESSION_INTERRUPTED', `stopped before block ${block} was changed`, {
        block,
      });
    }
    this.#events.touched?.(block);
    await this.#timed(operation);
  }

  async #timed(operation: () => Promise<void>): Promise<void> {
    const start = this.#platform.now();
    try {
      await operation();
    } finally {
      this.flashTime += this.#platform.now() - start;
    }
  }
}

/** Whether an error may go away with another attempt, or with another block. */
export function isWear(error: SluiceError): boolean {
  return (
    error.code === 'ERR_FLASH_ERASE' ||
    error.code === 'ERR_FLASH_PROGRAM' ||
    error.code === 'ERR_FLASH_READ' ||
    error.code === 'ERR_FLASH_READ_BACK'
  );
}

/** Whether no bit of `want` is set that is clear in `have`. By words: on erased flash every one is looked at. */
function onlyClears(have: Uint8Array, want: Uint8Array): boolean {
  const count = want.length >> 2;
  const haveWords = new Uint32Array(have.buffer, have.byteOffset, count);
  const wantWords = new Uint32Array(want.buffer, want.byteOffset, count);
  for (let i = 0; i < count; i++) {
    if ((~(haveWords[i] as number) & (wantWords[i] as number)) !== 0) return false;
  }
  return true;
}

/** Whether a range of `want` is other than `have` has from `offset` on, or than erased flash where that is null. */
function differs(
  want: Uint8Array,
  from: number,
  to: number,
  have: Uint8Array | null,
  offset: number,
): boolean {
  for (let i = from; i < to; i++) {
    if (want[i] !== (have === null ? 0xff : have[offset + i - from])) return true;
  }
  return false;
}
