/**
 * An update from its first byte to its receipt. Push-shaped: a sender calls `write` and waits for it; that is the
 * whole of the back-pressure. When all bytes have come, `prove` verifies the bundle and `commit` opens the gates;
 * between the two the session may wait for hours.
 *
 * @packageDocumentation
 */
import { asSluiceError, SluiceError } from '../errors.js';
import type { Receipt } from './report/receipt.js';
import { SessionSteps, type SessionOptions } from './session-steps.js';

export type { SessionOptions } from './session-steps.js';

/** One update session; see the file comment. */
export class UpdateSession {
  readonly #steps: SessionSteps;
  /** The step that is under way. */
  #running: Promise<void> | null = null;
  #proving: Promise<Receipt> | null = null;
  #committing: Promise<Receipt> | null = null;
  #aborting: Promise<Receipt> | null = null;
  /** Why the session was aborted. */
  #reason: unknown = undefined;
  #error: SluiceError | null = null;

  /** @throws SluiceError ERR_USAGE_PARTITION */
  constructor(options: SessionOptions) {
    this.#steps = new SessionSteps(options);
  }

  /** What went wrong, null as long as nothing has. */
  get error(): SluiceError | null {
    return this.#error;
  }

  /** Whether the session is proven and waits for `commit` or `abort`. */
  get isProven(): boolean {
    const over = this.#error !== null || this.#committing !== null || this.#aborting !== null;
    return this.#steps.isProven && !over;
  }

  /**
   * Takes bytes of the bundle; they may be reused when it resolves.
   * @throws SluiceError what went wrong; from then on nothing is written and every call fails the same. A call
   * while another one is under way fails them both.
   */
  async write(bytes: Uint8Array): Promise<void> {
    if (this.#error !== null) throw this.#error;
    if ((this.#proving ?? this.#committing) !== null) throw misuse('a write came after the end');
    if (this.#running !== null) throw await this.#fail(misuse('a write came while another was under way'));
    await this.#run(this.#steps.write(bytes));
    if (this.#error !== null) throw this.#error;
  }

  /**
   * Ends the bundle: all members are in and verified, everything but the held blocks is written, synced and read
   * back. The gates stay as they are. Does not throw; called again it returns the same promise.
   * @returns the receipt so far: outcome `proven`, or what `error` says
   */
  prove(): Promise<Receipt> {
    this.#proving ??= this.#aborting ?? this.#prove(true);
    return this.#proving;
  }

  /**
   * Opens the gates of a proven session. What may have changed since `prove` is checked again before: that nobody
   * uses the partitions, and that each block of the images still reads as it was proven. Called again it returns the
   * same promise.
   * @throws SluiceError ERR_SESSION_STATE when the session is not proven or is over; nothing is committed then, now
   * or later. What goes wrong with the commit itself is in the receipt.
   */
  commit(): Promise<Receipt> {
    if (this.#committing === null && !this.isProven) return this.#refuseCommit();
    this.#committing ??= this.#commit();
    return this.#committing;
  }

  /** `prove`, and `commit` right after it if nothing went wrong. Does not throw. */
  end(): Promise<Receipt> {
    this.#committing ??= this.#aborting ?? this.#end();
    return this.#committing;
  }

  /**
   * Ends the session without a commit: the source failed, or the caller gives up. After a failure of its own the
   * session keeps that one as the reason; once the gates have begun to open it commits all the same. Resolves when
   * no flash operation is running any more.
   */
  abort(reason: unknown): Promise<Receipt> {
    this.#reason ??= reason;
    this.#steps.halt();
    this.#aborting ??= this.#committing ?? this.#abort();
    return this.#aborting;
  }

  async #prove(waits: boolean): Promise<Receipt> {
    if (this.#running !== null) await this.#fail(misuse('the end came while a write was under way'));
    if (this.#error === null) await this.#run(this.#steps.prove(waits));
    return this.#steps.receipt(this.#error);
  }

  async #commit(): Promise<Receipt> {
    await this.#run(this.#steps.commit());
    return this.#steps.receipt(this.#error);
  }

  async #end(): Promise<Receipt> {
    this.#proving ??= this.#prove(false);
    const receipt = await this.#proving;
    return this.#error === null ? this.#commit() : receipt;
  }

  async #abort(): Promise<Receipt> {
    if (this.#proving !== null) await this.#proving;
    await this.#fail(this.#whyStopped(this.#reason));
    return this.#steps.receipt(this.#error);
  }

  async #refuseCommit(): Promise<never> {
    const error = new SluiceError(
      'ERR_SESSION_STATE',
      'a commit came, and the session is not proven or is over',
    );
    // An abort that is under way keeps its reason.
    if (this.#aborting === null) await this.#fail(error);
    throw error;
  }

  /** Waits for a step; what it throws becomes the error of the session. */
  async #run(step: Promise<void>): Promise<void> {
    this.#running = step;
    try {
      await step;
    } catch (thrown) {
      const stopped = asSluiceError(thrown).code === 'ERR_SESSION_INTERRUPTED';
      await this.#fail(stopped ? this.#whyStopped(this.#reason ?? thrown) : thrown);
    } finally {
      this.#running = null;
    }
  }

  /** The error of a session that was stopped for `reason`: when all is proven, the bundle was not at fault. */
  #whyStopped(reason: unknown): unknown {
    if (!this.#steps.isProven) return reason;
    const cause = asSluiceError(reason);
    return new SluiceError('ERR_SESSION_INTERRUPTED', `verified, not committed: ${cause.message}`, { cause });
  }

  async #fail(thrown: unknown): Promise<SluiceError> {
    const first = (this.#error ??= asSluiceError(thrown));
    this.#steps.halt();
    await this.#running?.catch(() => {});
    await this.#steps.stop(first);
    this.#error = first.withFlash(this.#steps.flashState);
    return this.#error;
  }
}

function misuse(what: string): SluiceError {
  return new SluiceError('ERR_SESSION_STATE', `${what}; a session takes one call at a time`);
}
