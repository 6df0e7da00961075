/**
 * Passes the bytes of a bundle to a job, for all protocols. A sender attaches and writes. If its connection fails, the
 * feed can wait for the sender to resume.
 *
 * A lost connection or a silent sender (ERR_SOURCE_TRUNCATED, ERR_SOURCE_SILENT) says nothing about the bundle, so the
 * feed waits if its limits allow. Every other error aborts the job.
 *
 * @packageDocumentation
 */
import { asSluiceError, SluiceError } from '../core/errors.js';
import { IdleClock } from '../host/node/sources/idle-clock.js';
import type { Work } from './work.js';

/** How a sender attaches. */
export interface AttachOptions {
  /**
   * Milliseconds of silence (see IdleClock) after which the sender is interrupted. Omit it if the reader of the
   * connection measures the silence, as for an HTTP body.
   */
  readonly silence?: number;
}

/** How long a feed waits. Milliseconds. */
export interface FeedLimits {
  /** For an interrupted sender to resume; 0: not at all. */
  readonly resumeWithin: number;
  /** For the commit of a proven update. Default: DEFAULT_COMMIT_WITHIN_MS. */
  readonly commitWithin?: number | undefined;
}

/** Time for a person to confirm a proven update. */
export const DEFAULT_COMMIT_WITHIN_MS = 10 * 60_000;

/** Takes bytes, which may be reused when the promise resolves. */
export type Take = (bytes: Uint8Array) => Promise<void>;

/** See the file comment. `T`: the result of the job. */
export class Feed<T = unknown> {
  readonly #work: Work<T>;
  readonly #limits: FeedLimits;
  #sender: FeedSender<T> | null = null;
  #writing: Promise<unknown> = Promise.resolve();
  #ending: Promise<T> | null = null;
  #received = 0;
  #resumeTimer: NodeJS.Timeout | null = null;
  #proving: Promise<T | null> | null = null;
  /** Set while the proven job waits. */
  #commitTimer: NodeJS.Timeout | null = null;

  constructor(work: Work<T>, limits: FeedLimits) {
    this.#work = work;
    this.#limits = limits;
  }

  /** Bytes taken so far. */
  get received(): number {
    return this.#received;
  }

  /** Whether the bytes so far contain a verified block index, so that no check pass is needed. */
  get needsNoCheck(): boolean {
    return this.#work.needsNoCheck ?? false;
  }

  /** Whether the job is ending or has ended. */
  get ending(): boolean {
    return this.#ending !== null;
  }

  /** Whether the feed waits for an interrupted sender. */
  get waiting(): boolean {
    return this.#resumeTimer !== null;
  }

  /** Whether the job is proven and waits for `end` or `abort`; it no longer needs a sender. */
  get proven(): boolean {
    return this.#commitTimer !== null;
  }

  /**
   * Makes a connection the sender and stops the sender before it. Resolves when the last bytes of the former sender are
   * taken.
   * The caller must end the returned sender: with `end`, `interrupt` or `run`.
   * @returns the sender; it may already be stopped when the promise resolves
   */
  async attach({ silence }: AttachOptions = {}): Promise<FeedSender<T>> {
    this.#stopWaiting();
    this.#sender?.stop(
      new SluiceError('ERR_SESSION_INTERRUPTED', 'another connection has resumed the upload'),
    );
    const sender = new FeedSender<T>({
      write: (bytes) => this.#write(bytes),
      prove: () => this.prove(),
      end: () => this.end(),
      interrupt: (from, error) => this.#interrupt(from, error),
    });
    this.#sender = sender;
    await this.#writing;
    sender.listen(silence);
    return sender;
  }

  /**
   * Attaches a sender that resumes at `offset`.
   * @param offset - offset of its first byte in the upload; null if unknown
   * @throws SluiceError ERR_SESSION_UPLOAD if `offset` differs from `received`; the feed continues to wait
   */
  async resume(offset: number | null, options?: AttachOptions): Promise<FeedSender<T>> {
    const sender = await this.attach(options);
    if (offset === this.#received) return sender;
    const error = new SluiceError('ERR_SESSION_UPLOAD', `the upload resumes at byte ${this.#received}`);
    await this.#suspend(sender, error);
    throw error;
  }

  /** Stops the sender and waits for another to resume. Resolves when the last bytes are taken. */
  async detach(): Promise<void> {
    const sender = await this.attach();
    if (this.ending) return;
    await this.#suspend(sender, new SluiceError('ERR_SOURCE_TRUNCATED', 'sender did not resume the upload'));
  }

  /**
   * Call after the last byte. Proves the bundle and waits for `end` to commit; aborts the job after `commitWithin`.
   * @returns null if the job is proven and waits; otherwise its result
   * @throws SluiceError ERR_SESSION_STATE for a check, which has no commit
   */
  prove(): Promise<T | null> {
    this.#proving ??= this.#ending ?? this.#prove();
    return this.#proving;
  }

  /** Call after the last byte. Proves and commits. An update does not reject; a check rejects if it refuses the bundle. */
  end(): Promise<T> {
    this.#stopWaiting();
    this.#stopCommitTimer();
    this.#ending ??= this.#work.end();
    return this.#ending;
  }

  /** Ends the job without a commit. If it is ending already, it only stops sooner, with the same result. */
  abort(reason: unknown): Promise<T> {
    this.#stopWaiting();
    this.#stopCommitTimer();
    this.#sender?.stop(reason);
    if (this.#ending === null) this.#ending = this.#work.abort(reason);
    else void this.#work.abort(reason).catch(() => {});
    return this.#ending;
  }

  async #prove(): Promise<T | null> {
    this.#stopWaiting();
    if (this.#work.prove === undefined) {
      throw new SluiceError('ERR_SESSION_STATE', 'a check has no commit');
    }
    const answer = await this.#work.prove();
    if (answer !== null) this.#ending ??= Promise.resolve(answer);
    // Aborted or committed meanwhile.
    if (this.#ending !== null) return this.#ending;
    const { commitWithin = DEFAULT_COMMIT_WITHIN_MS } = this.#limits;
    const late = `no commit within ${commitWithin / 1000} seconds`;
    this.#commitTimer = setTimeout(() => {
      void this.abort(new SluiceError('ERR_SESSION_INTERRUPTED', late)).catch(() => {});
    }, commitWithin);
    return null;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#proving !== null) throw new SluiceError('ERR_SESSION_STATE', 'bytes were sent after the end');
    if (this.#ending !== null) throw new SluiceError('ERR_SESSION_INTERRUPTED', 'upload was stopped');
    const writing = this.#work.write(bytes);
    this.#writing = writing.catch(() => {});
    await writing;
    this.#received += bytes.length;
  }

  /** @returns null while the feed waits for the sender */
  async #interrupt(sender: FeedSender<T>, error: SluiceError): Promise<T | null> {
    // A sender that was replaced must not stop the end of the job.
    if (this.#sender !== sender && this.#ending !== null) return this.#ending;
    if (sender.signal.aborted && !this.ending) throw error;
    if (error.row.retry !== 'resume') return this.abort(error);
    // A proven job no longer needs the connection.
    return this.#proving !== null && !this.ending ? null : this.#suspend(sender, error);
  }

  async #suspend(sender: FeedSender<T>, reason: SluiceError): Promise<T | null> {
    // Another connection may have attached meanwhile.
    if (!this.ending) sender.signal.throwIfAborted();
    const { resumeWithin } = this.#limits;
    if (this.ending || resumeWithin === 0) return this.abort(reason);
    sender.stop(reason);
    this.#stopWaiting();
    this.#resumeTimer = setTimeout(() => void this.abort(reason).catch(() => {}), resumeWithin);
    return null;
  }

  #stopWaiting(): void {
    if (this.#resumeTimer !== null) clearTimeout(this.#resumeTimer);
    this.#resumeTimer = null;
  }

  #stopCommitTimer(): void {
    if (this.#commitTimer !== null) clearTimeout(this.#commitTimer);
    this.#commitTimer = null;
  }
}

/** The part of a feed that its sender uses. */
interface SenderPort<T> {
  write(bytes: Uint8Array): Promise<void>;
  prove(): Promise<T | null>;
  end(): Promise<T>;
  interrupt(from: FeedSender<T>, error: SluiceError): Promise<T | null>;
}

/** The connection that feeds a job, until the job ends or another connection replaces it. */
export class FeedSender<T = unknown> {
  readonly #port: SenderPort<T>;
  readonly #stop = new AbortController();
  #clock: IdleClock | null = null;

  /** Made by `Feed.attach`. */
  constructor(port: SenderPort<T>) {
    this.#port = port;
  }

  /** Aborted if another connection replaces this one or the job is aborted. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * Takes bytes, which may be reused when the promise resolves. Wait for it before the next call, so that the sender has
   * to wait.
   * @throws SluiceError; call `interrupt` with it
   */
  async write(bytes: Uint8Array): Promise<void> {
    this.signal.throwIfAborted();
    this.#clock?.received(bytes.length);
    await this.#port.write(bytes);
    if (!this.signal.aborted) this.#clock?.start();
  }

  /**
   * Call after the last byte.
   * @throws SluiceError if another connection has replaced this one; the error of a check
   */
  async end(): Promise<T> {
    // Another connection may have attached at the last moment.
    if (this.signal.aborted) return this.interrupt(this.signal.reason);
    this.#clock?.stop();
    return this.#port.end();
  }

  /**
   * Call after the last byte. Proves without a commit; see Feed.prove.
   * @throws SluiceError if another connection has replaced this one; as Feed.prove
   */
  async prove(): Promise<T | null> {
    if (this.signal.aborted) return this.interrupt(this.signal.reason);
    this.#clock?.stop();
    return this.#port.prove();
  }

  /**
   * Call if the bytes could not be read. The job is aborted or waits for its sender (see the file comment).
   * @returns the result of an aborted update
   * @throws SluiceError `thrown`, if the job waits, another connection has replaced this one, or the job is a check
   */
  async interrupt(thrown: unknown): Promise<T> {
    const error = asSluiceError(thrown);
    this.#clock?.stop();
    const result = await this.#port.interrupt(this, error);
    if (result === null) throw error;
    return result;
  }

  /**
   * Reads the bytes of this connection and ends the job.
   * @param read - passes all bytes to `take`; must stop and throw if `signal` is aborted
   * @param received - called when all bytes have arrived and only the answer is outstanding
   * @throws SluiceError as `end` and `interrupt` do
   */
  async run(read: (take: Take, signal: AbortSignal) => Promise<void>, received?: () => void): Promise<T> {
    try {
      await read((bytes) => this.write(bytes), this.signal);
    } catch (thrown) {
      return this.interrupt(thrown);
    }
    const { aborted } = this.signal;
    const result = this.end();
    if (!aborted) received?.();
    return result;
  }

  /** For the feed: starts to measure silence. */
  listen(silence: number | undefined): void {
    if (silence === undefined || this.signal.aborted) return;
    this.#clock = new IdleClock(silence, () => {
      const seconds = silence / 1000;
      const error = new SluiceError('ERR_SOURCE_SILENT', `sender was silent for ${seconds} seconds`);
      void this.interrupt(error).catch(() => {});
    });
    this.#clock.start();
  }

  /** For the feed: refuses further bytes. */
  stop(reason: unknown): void {
    this.#clock?.stop();
    this.#stop.abort(reason);
  }
}
