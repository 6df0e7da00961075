import { SluiceError } from '../../errors.js';
import type { FlashDevice, OperationOptions } from '../../flash/device.js';
import type { Platform } from '../../platform.js';
import { isErased } from './bits.js';
import { BlockReader, type BlockReaderEvents } from './block-reader.js';
import type { Change } from './change-log.js';
import { pageRuns } from './page-runs.js';

/** What is asked before a block changes, and what is reported of each block. */
export interface BlockEvents extends BlockReaderEvents {
  /** Awaited once before a block is erased or programmed. If the promise rejects, the block stays unchanged. */
  beforeChange(block: number): Promise<void>;
  /** An erase or a program begins: from here on the block may differ from what it was. */
  changing?(block: number): void;
  erased?(block: number): void;
  programmed?(block: number, withoutErase: boolean): void;
  readBack?(block: number): void;
}

/**
 * Brings one erase block at a time to its new content with as little wear as possible: compare, program
 * without erase if NOR allows it, otherwise erase and program what is not 0xFF, read back, retry.
 * It does not decide where a block goes nor whether it may be written.
 */
export class BlockWriter extends BlockReader {
  readonly #events: BlockEvents;
  /** The block that was asked about last. */
  #asked = -1;

  constructor(device: FlashDevice, platform: Platform, events: BlockEvents, options: OperationOptions) {
    super(device, platform, events, options);
    this.#events = events;
  }

  /** From here on the signal is ignored: what begins now must not be left half done. */
  ignoreAbort(): void {
    this.options = {};
  }

  /** Erases `block`; retried like a write. */
  async erase(block: number): Promise<void> {
    await this.attempts(block, () => this.#erase(block));
  }

  /**
   * Brings `block` from its present content to `bytes`, which `change` said it needs.
   * @throws SluiceError ERR_FLASH_ERASE, ERR_FLASH_PROGRAM, ERR_FLASH_READ_BACK after all attempts
   */
  async write(block: number, bytes: Uint8Array, change: Change): Promise<void> {
    let clears = change === 'program';
    await this.attempts(block, async () => {
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
    let erased = this.device.replace === undefined;
    await this.attempts(block, async () => {
      const first = erased;
      erased = false;
      if (first) await this.#programErased(block, bytes);
      else await this.#renew(block, bytes);
      await this.#readBack(block, bytes);
    });
  }

  async #erase(block: number): Promise<void> {
    await this.#touch(block, () => this.device.erase(block, this.options));
    this.#events.erased?.(block);
  }

  /** New content whatever the old one was. If the device does it in one step, it counts as an erase and a program. */
  async #renew(block: number, bytes: Uint8Array): Promise<void> {
    const { replace } = this.device;
    if (replace === undefined) {
      await this.#erase(block);
      await this.#programErased(block, bytes);
      return;
    }
    await this.#touch(block, () => replace.call(this.device, block, bytes, this.options));
    this.#events.erased?.(block);
    if (!isErased(bytes, this.platform)) this.#events.programmed?.(block, false);
  }

  /** Programs the pages that are not all 0xFF, neighbouring ones together. */
  async #programErased(block: number, bytes: Uint8Array): Promise<void> {
    const any = await this.#programPages(block, 0, bytes, null);
    if (any) this.#events.programmed?.(block, false);
  }

  /** Programs the pages that differ from what is in flash; only 1 to 0 bits are needed. */
  async #programCleared(block: number, bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const have = await this.readPart(block, at, bytes.length);
      const want = bytes.subarray(at, at + have.length);
      await this.#programPages(block, at, want, isErased(have, this.platform) ? null : have);
      at += have.length;
    }
  }

  /**
   * Programs what flash does not have of `bytes` from `at` on.
   * @param have - what is in flash there; null if it is erased
   */
  async #programPages(
    block: number,
    at: number,
    bytes: Uint8Array,
    have: Uint8Array | null,
  ): Promise<boolean> {
    const base = block * this.device.geometry.eraseSize + at;
    let any = false;
    for (const [from, to] of pageRuns(bytes, have, this.page, this.platform)) {
      any = true;
      const run = bytes.subarray(from, to);
      await this.#touch(block, () => this.device.program(base + from, run, this.options));
    }
    return any;
  }

  async #readBack(block: number, bytes: Uint8Array): Promise<void> {
    if ((await this.match(block, bytes)) === 'same') {
      this.#events.readBack?.(block);
      return;
    }
    throw new SluiceError('ERR_FLASH_READ_BACK', 'the read back differs from what was programmed', { block });
  }

  /** Runs an erase or a program. If the session is to stop, the block stays unchanged. */
  async #touch(block: number, operation: () => Promise<void>): Promise<void> {
    this.#mayGoOn(block);
    if (block !== this.#asked) {
      await this.#events.beforeChange(block);
      // The journal may have read blocks meanwhile, also some that ECC could not correct.
      this.forgetEccCount();
      this.#mayGoOn(block);
    }
    this.#asked = block;
    this.#events.changing?.(block);
    await this.timed(operation);
  }

  #mayGoOn(block: number): void {
    if (this.options.signal?.aborted !== true) return;
    throw new SluiceError('ERR_SESSION_INTERRUPTED', `stopped before block ${block} was changed`, { block });
  }
}
