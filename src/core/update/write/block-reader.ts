import { asSluiceError } from '../../errors.js';
import { UNSUPPORTED, type FlashDevice, type Match, type OperationOptions } from '../../flash/device.js';
import type { Platform } from '../../platform.js';
import { isErased, onlyClears } from './bits.js';
import type { Change } from './change-log.js';
import { pageSizeOf } from './page-runs.js';

/**
 * Attempts at one block. A worn NOR block often takes the second erase; one that fails three times in a row
 * will not hold data either (swupdate and flashcp do not retry at all, u-boot's sf gives up at once).
 */
const ATTEMPTS = 3;

/** Bytes read at once for compares: small enough to be fixed state, large enough to keep a chip streaming. */
const SCRATCH_SIZE = 16 * 1024;

/** Receives what happens while blocks are read. */
export interface BlockReaderEvents {
  /** An operation on the block failed and is tried again. */
  retried?(block: number): void;
}

/** Reads erase blocks and compares them with what they are to hold; a failed operation is tried again. */
export class BlockReader {
  protected readonly device: FlashDevice;
  protected readonly platform: Platform;
  protected options: OperationOptions;
  /** Bytes that are programmed at once. */
  protected readonly page: number;
  readonly #events: BlockReaderEvents;
  #scratch: Uint8Array | null = null;
  /** Reads that ECC could not correct, as the device last counted them; valid if `#eccKnown`. */
  #eccFailed = 0;
  #eccKnown = false;
  /** Milliseconds spent in flash operations. */
  flashTime = 0;

  constructor(device: FlashDevice, platform: Platform, events: BlockReaderEvents, options: OperationOptions) {
    this.device = device;
    this.platform = platform;
    this.options = options;
    this.page = pageSizeOf(device.geometry.writeSize);
    this.#events = events;
  }

  /**
   * What `block` needs to hold `bytes` (one erase block). Looks at as much of it as it takes to know.
   * @throws SluiceError ERR_FLASH_READ after all attempts, on NOR. On other flash a new write repairs such a block or
   * shows that it is bad: then the answer is `erase`
   */
  async requiredChange(block: number, bytes: Uint8Array): Promise<Change> {
    const { type, writeSize } = this.device.geometry;
    try {
      const match = await this.match(block, bytes);
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
    this.forgetEccCount();
    const offset = block * this.device.geometry.eraseSize;
    await this.#readAt(block, offset, into);
  }

  /**
   * Whether all of `block` reads erased.
   * @throws SluiceError ERR_FLASH_READ after all attempts
   */
  async isBlank(block: number): Promise<boolean> {
    const { eraseSize } = this.device.geometry;
    if (!this.#eccKnown) await this.#eccMoved();
    for (let at = 0; at < eraseSize;) {
      const have = await this.readPart(block, at, eraseSize);
      if (!isErased(have, this.platform)) return false;
      at += have.length;
    }
    return !(await this.#eccMoved());
  }

  /** How a block compares to `bytes`. A read that ECC could not correct may be equal by chance: it counts as different. */
  protected async match(block: number, bytes: Uint8Array): Promise<Match> {
    if (!this.#eccKnown) await this.#eccMoved();
    const match = await this.#compare(block, bytes);
    return (await this.#eccMoved()) ? 'differs' : match;
  }

  async #compare(block: number, bytes: Uint8Array): Promise<Match> {
    const { compare, geometry } = this.device;
    if (compare !== undefined) {
      const offset = block * geometry.eraseSize;
      return this.attempts(block, () =>
        this.timed(() => compare.call(this.device, offset, bytes, this.options)),
      );
    }
    let match: Match = 'same';
    for (let at = 0; at < bytes.length;) {
      const have = await this.readPart(block, at, bytes.length);
      const want = bytes.subarray(at, at + have.length);
      at += have.length;
      if (this.platform.equal(have, want)) continue;
      if (geometry.type !== 'nor') return 'differs';
      if (!isErased(have, this.platform) && !onlyClears(have, want)) return 'differs';
      match = 'clears';
    }
    return match;
  }

  /** Reads one scratch buffer full, less at the end of the block; the view is valid until the next read. */
  protected async readPart(block: number, at: number, length: number): Promise<Uint8Array> {
    const { eraseSize } = this.device.geometry;
    this.#scratch ??= new Uint8Array(Math.min(Math.max(SCRATCH_SIZE, this.page), eraseSize));
    const into = this.#scratch.subarray(0, Math.min(this.#scratch.length, length - at));
    await this.#readAt(block, block * eraseSize + at, into);
    return into;
  }

  async #readAt(block: number, offset: number, into: Uint8Array): Promise<void> {
    await this.attempts(block, () => this.timed(() => this.device.read(offset, into, this.options)));
  }

  /** Whether ECC has failed in more reads than at the last look. */
  async #eccMoved(): Promise<boolean> {
    if (this.device.geometry.type !== 'nand') return false;
    // If no other reader has read since the last compare, its count is the start: one query less.
    const stats = await this.device.eccStats();
    const failed = stats === UNSUPPORTED ? 0 : stats.failed;
    const moved = this.#eccKnown && failed !== this.#eccFailed;
    this.#eccFailed = failed;
    this.#eccKnown = true;
    return moved;
  }

  /** The next compare starts from the count of failed reads that the device has then: others have read meanwhile. */
  protected forgetEccCount(): void {
    this.#eccKnown = false;
  }

  /** Runs an operation on `block`, up to three times if the failure belongs to the block. */
  protected async attempts<T>(block: number, attempt: () => Promise<T>): Promise<T> {
    for (let left = ATTEMPTS - 1; ; left--) {
      try {
        return await attempt();
      } catch (thrown) {
        if (left === 0 || !asSluiceError(thrown).row.wear) throw thrown;
        this.#events.retried?.(block);
      }
    }
  }

  /** Runs a flash operation and adds its time. */
  protected async timed<T>(operation: () => Promise<T>): Promise<T> {
    const start = this.platform.now();
    try {
      return await operation();
    } finally {
      this.flashTime += this.platform.now() - start;
    }
  }
}
