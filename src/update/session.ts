/**
 * An update from its first byte to its receipt. Push-shaped: whoever has bytes calls `write` and waits for it;
 * that is the whole of the back-pressure.
 *
 * @packageDocumentation
 */
import { asSluiceError, SluiceError } from '../errors.js';
import type { Receipt } from './receipt.js';
import { UpdateJob, type SessionOptions } from './update-job.js';

export type { SessionOptions } from './update-job.js';

/** One update session; see the file comment. */
export class UpdateSession {
  readonly #job: UpdateJob;
  #state: 'open' | 'writing' | 'ended' = 'open';
  #error: SluiceError | null = null;
  #receipt: Promise<Receipt> | null = null;

  /** @throws SluiceError ERR_USAGE_PARTITION */
  constructor(options: SessionOptions) {
    this.#job = new UpdateJob(options);
  }

  /** What went wrong, null as long as nothing has. */
  get error(): SluiceError | null {
    return this.#error;
  }

  /**
   * Takes bytes of the bundle; they may be reused when it resolves.
   * @throws SluiceError what went wrong; from then on nothing is written and every call fails the same
   */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#error !== null) throw this.#error;
    this.#enter();
    try {
      await this.#job.write(bytes);
    } catch (thrown) {
      throw await this.#fail(thrown);
    }
    this.#state = 'open';
  }

  /** Ends the bundle, commits if all of it is proven and in flash, and tells what came of it. Does not throw. */
  async end(): Promise<Receipt> {
    this.#receipt ??= this.#end();
    return this.#receipt;
  }

  /**
   * Ends the session without a commit: the source failed, or somebody asked for it. After a failure of its own
   * the session keeps that one as the reason. Resolves when no flash operation is running any more.
   */
  async abort(reason: unknown): Promise<Receipt> {
    this.#receipt ??= this.#abort(reason);
    return this.#receipt;
  }

  async #end(): Promise<Receipt> {
    if (this.#error === null) {
      try {
        this.#enter();
        await this.#job.finish();
      } catch (thrown) {
        await this.#fail(thrown);
      }
    }
    this.#state = 'ended';
    return this.#job.receipt(this.#error);
  }

  async #abort(reason: unknown): Promise<Receipt> {
    if (this.#error === null) await this.#fail(reason);
    this.#state = 'ended';
    return this.#job.receipt(this.#error);
  }

  #enter(): void {
    if (this.#state !== 'open') {
      throw new SluiceError(
        'ERR_SESSION_STATE',
        `the session is ${this.#state}; it takes one call at a time`,
      );
    }
    this.#state = 'writing';
  }

  async #fail(thrown: unknown): Promise<SluiceError> {
    const error = asSluiceError(thrown);
    this.#error ??= error;
    this.#state = 'ended';
    await this.#job.stop();
    this.#error.flash = this.#job.flashState;
    return this.#error;
  }
}
