/**
 * The way of a bundle's bytes into a job, whatever protocol brings them. A sender attaches and writes; when its
 * connection fails, the feed can wait for the sender to return and resume.
 *
 * One rule decides what ends a job: a sender that was cut off or fell silent (ERR_SOURCE_TRUNCATED,
 * ERR_SOURCE_SILENT) says nothing about the bundle, so the feed waits for it, if it may. Everything else aborts.
 *
 * @packageDocumentation
 */
import { asSluiceError, SluiceError } from '../core/errors.js';
import { IdleClock } from '../host/node/sources/idle-clock.js';
import type { Work } from './work.js';

/** How a sender attaches. */
export interface AttachOptions {
  /**
   * Milliseconds of silence (see IdleClock) after which the sender is interrupted. Leave it out if what reads the
   * connection measures the silence, as the reader of an HTTP body does.
   */
  readonly silence?: number;
}

/** Hands bytes on; they may be reused when the promise resolves. */
export type Take = (bytes: Uint8Array) => Promise<void>;

/** See the file comment. `T`: what comes of the job. */
export class Feed<T = unknown> {
  readonly #work: Work<T>;
  readonly #resumeWithin: number;
  #sender: FeedSender<T> | null = null;
  #writing: Promise<unknown> = Promise.resolve();
  #ending: Promise<T> | null = null;
  #received = 0;
  #waiting: NodeJS.Timeout | null = null;

  /** @param resumeWithin - milliseconds for which an interrupted feed waits for its sender; 0: not at all */
  constructor(work: Work<T>, resumeWithin: number) {
    this.#work = work;
    this.#resumeWithin = resumeWithin;
  }

  /** Bytes taken so far. */
  get received(): number {
    return this.#received;
  }

  /** Whether the bytes so far show that the bundle proves its blocks by itself, so that no check pass is needed. */
  get enough(): boolean {
    return this.#work.enough ?? false;
  }

  /** Whether the job ends or has ended. */
  get ending(): boolean {
    return this.#ending !== null;
  }

  /** Whether the feed waits for an interrupted sender. */
  get waiting(): boolean {
    return this.#waiting !== null;
  }

  /**
   * Makes a connection the sender. The sender before it is stopped; resolves when its last bytes are taken.
   * The caller must bring the returned sender to its end: `end`, `interrupt` or `run`.
   * @returns the sender; it may have been stopped already by the time the promise resolves
   */
  async attach({ silence }: AttachOptions = {}): Promise<FeedSender<T>> {
    this.#stopWaiting();
    this.#sender?.stop(
      new SluiceError('ERR_SESSION_INTERRUPTED', 'another connection has resumed this upload'),
    );
    const sender = new FeedSender<T>({
      write: (bytes) => this.#write(bytes),
      end: () => this.end(),
      interrupt: (from, error) => this.#interrupt(from, error),
    });
    this.#sender = sender;
    await this.#writing;
    sender.listen(silence);
    return sender;
  }

  /**
   * Attaches a sender that goes on at `offset`.
   * @param offset - bytes of the upload that the sender leaves out; null if it does not say
   * @throws SluiceError ERR_SESSION_UPLOAD when the feed stands elsewhere (see `received`); it waits on then
   */
  async resume(offset: number | null, options?: AttachOptions): Promise<FeedSender<T>> {
    const sender = await this.attach(options);
    if (offset === this.#received) return sender;
    const error = new SluiceError('ERR_SESSION_UPLOAD', `this upload resumes at byte ${this.#received}`);
    await this.#suspend(sender, error);
    throw error;
  }

  /** Stops the sender, and resolves when its last bytes are taken; the feed waits for a sender to resume. */
  async detach(): Promise<void> {
    const sender = await this.attach();
    if (this.ending) return;
    await this.#suspend(
      sender,
      new SluiceError('ERR_SOURCE_TRUNCATED', 'the sender did not resume the upload'),
    );
  }

  /** All bytes have come. An update does not reject, a check rejects with what it refuses. */
  end(): Promise<T> {
    this.#stopWaiting();
    this.#ending ??= this.#work.end();
    return this.#ending;
  }

  /** Ends the job without a commit. A job that ends already is hurried instead, and keeps its answer. */
  abort(reason: unknown): Promise<T> {
    this.#stopWaiting();
    this.#sender?.stop(reason);
    if (this.#ending === null) this.#ending = this.#work.abort(reason);
    else void this.#work.abort(reason).catch(() => {});
    return this.#ending;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#ending !== null) throw new SluiceError('ERR_SESSION_INTERRUPTED', 'the upload was stopped');
    const writing = this.#work.write(bytes);
    this.#writing = writing.catch(() => {});
    await writing;
    this.#received += bytes.length;
  }

  /** @returns null while the feed waits for the sender */
  async #interrupt(sender: FeedSender<T>, error: SluiceError): Promise<T | null> {
    if (sender.signal.aborted && !this.ending) throw error;
    return error.row.retry === 'resume' ? this.#suspend(sender, error) : this.abort(error);
  }

  async #suspend(sender: FeedSender<T>, reason: SluiceError): Promise<T | null> {
    // Yet another connection may have attached meanwhile.
    if (!this.ending) sender.signal.throwIfAborted();
    if (this.ending || this.#resumeWithin === 0) return this.abort(reason);
    sender.stop(reason);
    this.#stopWaiting();
    this.#waiting = setTimeout(() => void this.abort(reason).catch(() => {}), this.#resumeWithin);
    return null;
  }

  #stopWaiting(): void {
    if (this.#waiting !== null) clearTimeout(this.#waiting);
    this.#waiting = null;
  }
}

/** What a sender needs of its feed. */
interface SenderPort<T> {
  write(bytes: Uint8Array): Promise<void>;
  end(): Promise<T>;
  interrupt(from: FeedSender<T>, error: SluiceError): Promise<T | null>;
}

/** One connection's hold on a feed, until the job ends or another connection takes its place. */
export class FeedSender<T = unknown> {
  readonly #port: SenderPort<T>;
  readonly #stop = new AbortController();
  #clock: IdleClock | null = null;

  /** Made by `Feed.attach`. */
  constructor(port: SenderPort<T>) {
    this.#port = port;
  }

  /** Aborted when this connection is to stop: another one took its place, or the job was aborted. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /**
   * Takes bytes, which may be reused when it resolves; waiting for it is what holds the sender back.
   * @throws SluiceError what went wrong; call `interrupt` with it
   */
  async write(bytes: Uint8Array): Promise<void> {
    this.signal.throwIfAborted();
    this.#clock?.heard(bytes.length);
    await this.#port.write(bytes);
    if (!this.signal.aborted) this.#clock?.start();
  }

  /**
   * All bytes have come.
   * @throws SluiceError when another connection has taken the place of this one; what a check refuses
   */
  async end(): Promise<T> {
    // Another connection may have attached at the last moment.
    if (this.signal.aborted) return this.interrupt(this.signal.reason);
    this.#clock?.stop();
    return this.#port.end();
  }

  /**
   * The bytes could not be read to their end: the job is aborted, or waits for its sender (see the file comment).
   * @returns what came of an aborted job; for a check it throws instead
   * @throws SluiceError `thrown`, when the job waits or another connection has it
   */
  async interrupt(thrown: unknown): Promise<T> {
    const error = asSluiceError(thrown);
    this.#clock?.stop();
    const result = await this.#port.interrupt(this, error);
    if (result === null) throw error;
    return result;
  }

  /**
   * Reads the bytes of this connection and ends the job, one way or another.
   * @param read - hands all bytes to `take`; must stop and throw when `signal` is aborted
   * @param received - called when all bytes have come and only the answer is outstanding
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
      const error = new SluiceError('ERR_SOURCE_SILENT', `the sender was silent for ${seconds} seconds`);
      void this.interrupt(error).catch(() => {});
    });
    this.#clock.start();
  }

  /** For the feed: nothing more is taken from this connection. */
  stop(reason: unknown): void {
    this.#clock?.stop();
    this.#stop.abort(reason);
  }
}
