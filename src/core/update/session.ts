/**
 * An update from its first byte to its receipt. Push-shaped: whoever has bytes calls `write` and waits for it;
 * that is the whole of the back-pressure.
 *
 * @packageDocumentation
 */
import { asSluiceError, SluiceError } from '../errors.js';
import type { Receipt } from './report/receipt.js';
import { SessionSteps, type SessionOptions } from './session-steps.js';

export type { SessionOptions } from './session-steps.js';

/** One update session; see the file comment. */
export class UpdateSession {
  readonly #job: SessionSteps;
  /** The write or the end that is under way. */
  #running: Promise<void> | null = null;
  #ending: Promise<Receipt> | null = null;
  /** Why the session was aborted while it was ending. */
  #reason: unknown = undefined;
  #error: SluiceError | null = null;

  /** @throws SluiceError ERR_USAGE_PARTITION */
  constructor(options: SessionOptions) {
    this.#job = new SessionSteps(options);
  }

  /** What went wrong, null as long as nothing has. */
  get error(): SluiceError | null {
    return this.#error;
  }

  /**
   * Takes bytes of the bundle; they may be reused when it resolves.
   * @throws SluiceError what went wrong; from then on nothing is written and every call fails the same. A call
   * while another one is under way fails them both.
   */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#error !== null) throw this.#error;
    if (this.#ending !== null) throw misuse('a write came after the end');
    if (this.#running !== null) throw await this.#fail(misuse('a write came while another was under way'));
    await this.#run(this.#job.write(bytes));
    if (this.#error !== null) throw this.#error;
  }

  /** Ends the bundle, commits if all of it is proven and in flash, and tells what came of it. Does not throw. */
  end(): Promise<Receipt> {
    this.#ending ??= this.#end();
    return this.#ending;
  }

  /**
   * Ends the session without a commit: the source failed, or somebody asked for it. After a failure of its own
   * the session keeps that one as the reason; once the gates have begun to open it commits all the same. Resolves
   * when no flash operation is running any more.
   */
  abort(reason: unknown): Promise<Receipt> {
    if (this.#ending === null) {
      this.#ending = this.#fail(reason).then(() => this.#job.receipt(this.#error));
    } else {
      this.#reason ??= reason;
      this.#job.halt();
    }
    return this.#ending;
  }

  async #end(): Promise<Receipt> {
    if (this.#running !== null) await this.#fail(misuse('the end came while a write was under way'));
    if (this.#error === null) await this.#run(this.#job.finish());
    return this.#job.receipt(this.#error);
  }

  /** Waits for a call of the job; what it throws becomes the error of the session. */
  async #run(call: Promise<void>): Promise<void> {
    this.#running = call;
    try {
      await call;
    } catch (thrown) {
      const stopped = asSluiceError(thrown).code === 'ERR_SESSION_INTERRUPTED';
      await this.#fail(stopped ? (this.#reason ?? thrown) : thrown);
    } finally {
      this.#running = null;
    }
  }

  async #fail(thrown: unknown): Promise<SluiceError> {
    const error = (this.#error ??= asSluiceError(thrown));
    this.#job.halt();
    await this.#running?.catch(() => {});
    await this.#job.stop(error);
    error.flash = this.#job.flashState;
    return error;
  }
}

function misuse(what: string): SluiceError {
  return new SluiceError('ERR_SESSION_STATE', `${what}; a session takes one call at a time`);
}
