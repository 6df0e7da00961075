import { asSluiceError, SluiceError } from '../../errors.js';
import { UNSUPPORTED, type FlashDevice, type Match, type OperationOptions } from '../../flash/device.js';
import type { Platform } from '../../platform.js';
import { isErased, onlyClears } from './bits.js';
import { pageRuns, pageSizeOf } from './page-runs.js';

/**
 * Attempts at one block. A worn NOR block often takes the second erase; one that fails three times in a row
 * will not hold data either (swupdate and flashcp do not retry at all, u-boot's sf gives up at once).
 */
const ATTEMPTS = 3;

/** Bytes read at once for compares: small enough to be fixed state, large enough to keep a chip streaming. */
const SCRATCH_SIZE = 16 * 1024;

/** What a block needs to become its new content. */
export type Change = 'none' | 'program' | 'erase';

/** Told what happens to a block, for counting and drawing. */
export interface BlockEvents {
  /** Asked before a block is erased or programmed, once for all that is done to it; what it throws, stops that. */
  beforeChange?(block: number): Promise<void>;
  /** An erase or a program is about to begin: from here on the block may be other than it was. */
  changing?(block: number): void;
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
  readonly #page: number;
  #scratch: Uint8Array | null = null;
  /** Reads that ECC could not mend, as the device last counted them; it stands as long as `#eccKnown`. */
  #eccFailed = 0;
  #eccKnown = false;
  /** The block that was asked about last. */
  #asked = -1;
  /** Milliseconds spent in flash operations. */
  flashTime = 0;

  constructor(device: FlashDevice, platform: Platform, events: BlockEvents, options: OperationOptions) {
    this.#device = device;
    this.#platform = platform;
    this.#events = events;
    this.#options = options;
    this.#page = pageSizeOf(device.geometry.writeSize);
  }

  /** From here on the signal is not looked at any more: what begins now is not to be left half done. */
  ignoreAbort(): void {
    this.#options = {};
  }

  /**
   * What `block` needs to hold `bytes` (one erase block). Looks at as much of it as it takes to know.
   * @throws SluiceError ERR_FLASH_READ after all attempts (where a new write brings such a block back, or shows that
   * it is bad, it is `erase` instead: on NOR nothing would)
   */
  async requiredChange(block: number, bytes: Uint8Array): Promise<Change> {
    const { type, writeSize } = this.#device.geometry;
    try {
      const match = await this.#match(block, bytes);
      if (match === 'same') return 'none';
      return match === 'clears' && type === 'nor' && writeSize === 1 ? 'program' : 'erase';
    } catch (thrown) {
      if (asSluiceError(thrown).code === 'ERR_FLASH_READ' && type !== 'nor') return 'erase';
      throw thrown;
    }
  }

  /**
   * Fills `into` from the start of `block`.
   * @throws SluiceError ERR_FLASH_READ after all attempts
   */
  async read(block: number, into: Uint8Array): Promise<void> {
    this.#eccKnown = false;
    const offset = block * this.#device.geometry.eraseSize;
    await this.#readAt(block, offset, into);
  }

  /**
   * Whether all of `block` reads erased.
   * @throws SluiceError ERR_FLASH_READ after all attempts
   */
  async isBlank(block: number): Promise<boolean> {
    const { eraseSize } = this.#device.geometry;
    if (!this.#eccKnown) await this.#eccMoved();
    for (let at = 0; at < eraseSize;) {
      const have = await this.#readPart(block, at, eraseSize);
      if (!isErased(have, this.#platform)) return false;
      at += have.length;
    }
    return !(await this.#eccMoved());
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
    let clears = change === 'program';
    await this.#attempts(block, async () => {
      if (clears) {
        clears = false;
        await this.#programCleared(block, bytes);
        this.#events.programmed?.(block, true);
      } else {
        await this.#renew(block, bytes);
      }
      await this.#readBack(block, bytes);
    });
  }

  /** Programs a block that was erased before and has been left so (a shut gate), then reads it back. */
  async fill(block: number, bytes: Uint8Array): Promise<void> {
    let erased = this.#device.replace === undefined;
    await this.#attempts(block, async () => {
      const first = erased;
      erased = false;
      if (first) await this.#programErased(block, bytes);
      else await this.#renew(block, bytes);
      await this.#readBack(block, bytes);
    });
  }

  async #attempts<T>(block: number, attempt: () => Promise<T>): Promise<T> {
    for (let left = ATTEMPTS - 1; ; left--) {
      try {
        return await attempt();
      } catch (thrown) {
        if (left === 0 || !asSluiceError(thrown).row.wear) throw thrown;
        this.#events.retried?.(block);
      }
    }
  }

  async #erase(block: number): Promise<void> {
    await this.#touch(block, () => this.#device.erase(block, this.#options));
    this.#events.erased?.(block);
  }

  /** New content whatever the old one was; where the device does it in one step it counts as what it stands for. */
  async #renew(block: number, bytes: Uint8Array): Promise<void> {
    const { replace } = this.#device;
    if (replace === undefined) {
      await this.#erase(block);
      await this.#programErased(block, bytes);
      return;
    }
    await this.#touch(block, () => replace.call(this.#device, block, bytes, this.#options));
    this.#events.erased?.(block);
    if (!isErased(bytes, this.#platform)) this.#events.programmed?.(block, false);
  }

  /** Programs the pages that are not all 0xFF, neighbouring ones together. */
  async #programErased(block: number, bytes: Uint8Array): Promise<void> {
    const any = await this.#programPages(block, 0, bytes, null);
    if (any) this.#events.programmed?.(block, false);
  }

  /** Programs the pages that differ from what is in flash; only 1 to 0 bits are needed. */
  async #programCleared(block: number, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const have = await this.#readPart(block, at, bytes.length);
      const want = bytes.subarray(at, at + have.length);
      await this.#programPages(block, at, want, isErased(have, this.#platform) ? null : have);
      at += have.length;
    }
  }

  /**
   * Programs what flash does not have of `bytes` from `at` on.
   * @param have - what is in flash there; null where it is erased
   */
  async #programPages(
    block: number,
    at: number,
    bytes: Uint8Array,
    have: Uint8Array | null,
  ): Promise<boolean> {
    const base = block * this.#device.geometry.eraseSize + at;
    let any = false;
    for (const [from, to] of pageRuns(bytes, have, this.#page, this.#platform)) {
      any = true;
      const run = bytes.subarray(from, to);
      await this.#touch(block, () => this.#device.program(base + from, run, this.#options));
    }
    return any;
  }

  async #readBack(block: number, bytes: Uint8Array): Promise<void> {
    if ((await this.#match(block, bytes)) === 'same') {
      this.#events.readBack?.(block);
      return;
    }
    throw new SluiceError(
      'ERR_FLASH_READ_BACK',
      `block ${block} of ${this.#device.name} does not read back as it was programmed`,
      { block },
    );
  }

  /** How a block stands to `bytes`. A read that ECC could not mend may look equal by luck only: that differs. */
  async #match(block: number, bytes: Uint8Array): Promise<Match> {
    if (!this.#eccKnown) await this.#eccMoved();
    const match = await this.#compare(block, bytes);
    return (await this.#eccMoved()) ? 'differs' : match;
  }

  async #compare(block: number, bytes: Uint8Array): Promise<Match> {
    const { compare, geometry } = this.#device;
    if (compare !== undefined) {
      const offset = block * geometry.eraseSize;
      return this.#attempts(block, () =>
        this.#timed(() => compare.call(this.#device, offset, bytes, this.#options)),
      );
    }
    let match: Match = 'same';
    for (let at = 0; at < bytes.length;) {
      const have = await this.#readPart(block, at, bytes.length);
      const want = bytes.subarray(at, at + have.length);
      at += have.length;
      if (this.#platform.equal(have, want)) continue;
      if (geometry.type !== 'nor') return 'differs';
      if (!isErased(have, this.#platform) && !onlyClears(have, want)) return 'differs';
      match = 'clears';
    }
    return match;
  }

  /** Reads one scratch buffer full, less at the end of the block; the view is valid until the next read. */
  async #readPart(block: number, at: number, length: number): Promise<Uint8Array> {
    const { eraseSize } = this.#device.geometry;
    this.#scratch ??= new Uint8Array(Math.min(Math.max(SCRATCH_SIZE, this.#page), eraseSize));
    const into = this.#scratch.subarray(0, Math.min(this.#scratch.length, length - at));
    await this.#readAt(block, block * eraseSize + at, into);
    return into;
  }

  async #readAt(block: number, offset: number, into: Uint8Array): Promise<void> {
    await this.#attempts(block, () => this.#timed(() => this.#device.read(offset, into, this.#options)));
  }

  /** Whether more reads than at the last look could not be mended. */
  async #eccMoved(): Promise<boolean> {
    if (this.#device.geometry.type !== 'nand') return false;
    // One question a compare and not two, where nobody else has read since the last one.
    const stats = await this.#device.eccStats();
    const failed = stats === UNSUPPORTED ? 0 : stats.failed;
    const moved = this.#eccKnown && failed !== this.#eccFailed;
    this.#eccFailed = failed;
    this.#eccKnown = true;
    return moved;
  }

  /** Runs an erase or a program, unless the session is to stop: then the block stays what it was. */
  async #touch(block: number, operation: () => Promise<void>): Promise<void> {
    this.#mayGoOn(block);
    if (block !== this.#asked) {
      await this.#events.beforeChange?.(block);
      // It may have read, blocks that cannot be read too.
      this.#eccKnown = false;
      this.#mayGoOn(block);
    }
    this.#asked = block;
    this.#events.changing?.(block);
    await this.#timed(operation);
  }

  #mayGoOn(block: number): void {
    if (this.#options.signal?.aborted !== true) return;
    throw new SluiceError('ERR_SESSION_INTERRUPTED', `stopped before block ${block} was changed`, { block });
  }

  async #timed<T>(operation: () => Promise<T>): Promise<T> {
    const start = this.#platform.now();
    try {
      return await operation();
    } finally {
      this.flashTime += this.#platform.now() - start;
    }
  }
}
