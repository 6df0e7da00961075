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

/** How long a feed waits. Milliseconds. */
export interface FeedLimits {
  /** For a sender that was interrupted to resume; 0: not at all. */
  readonly resumeWithin: number;
  /** For the commit of a proven update. Default: DEFAULT_COMMIT_WITHIN_MS. */
  readonly commitWithin?: number | undefined;
}

/** Milliseconds for which a proven update waits for its commit: time for a person to say yes. */
export const DEFAULT_COMMIT_WITHIN_MS = 10 * 60_000;

/** Hands bytes on; they may be reused when the promise resolves. */
export type Take = (bytes: Uint8Array) => Promise<void>;

/** See the file comment. `T`: what comes of the job. */
export class Feed<T = unknown> {
  readonly #work: Work<T>;
  readonly #limits: FeedLimits;
  #sender: FeedSender<T> | null = null;
  #writing: Promise<unknown> = Promise.resolve();
  #ending: Promise<T> | null = null;
  #received = 0;
  #waiting: NodeJS.Timeout | null = null;
  #proving: Promise<T | null> | null = null;
  /** Set while the proven job waits. */
  #uncommitted: NodeJS.Timeout | null = null;

  constructor(work: Work<T>, limits: FeedLimits) {
    this.#work = work;
    this.#limits = limits;
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

  /** Whether the job is proven and waits for `end` or `abort`, whatever becomes of its sender. */
  get proven(): boolean {
    return this.#uncommitted !== null;
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

  /**
   * All bytes have come: proves them, and waits for `end` to commit. Without it for too long the job is aborted.
   * @returns null while the proven job waits; else what came of it
   * @throws SluiceError ERR_SESSION_STATE for a job that has nothing to commit
   */
  prove(): Promise<T | null> {
    this.#proving ??= this.#ending ?? this.#prove();
    return this.#proving;
  }

  /** All bytes have come: proves and commits. An update does not reject, a check rejects with what it refuses. */
  end(): Promise<T> {
    this.#stopWaiting();
    this.#stopUncommitted();
    this.#ending ??= this.#work.end();
    return this.#ending;
  }

  /** Ends the job without a commit. A job that ends already is hurried instead, and keeps its answer. */
  abort(reason: unknown): Promise<T> {
    this.#stopWaiting();
    this.#stopUncommitted();
    this.#sender?.stop(reason);
    if (this.#ending === null) this.#ending = this.#work.abort(reason);
    else void this.#work.abort(reason).catch(() => {});
    return this.#ending;
  }

  async #prove(): Promise<T | null> {
    this.#stopWaiting();
    if (this.#work.prove === undefined) {
      throw new SluiceError('ERR_SESSION_STATE', 'a check has nothing to commit');
    }
    const answer = await this.#work.prove();
    if (answer !== null) this.#ending ??= Promise.resolve(answer);
    // It was aborted, or is to be committed, meanwhile.
    if (this.#ending !== null) return this.#ending;
    const { commitWithin = DEFAULT_COMMIT_WITHIN_MS } = this.#limits;
    const late = `no commit came within ${commitWithin / 1000} seconds`;
    this.#uncommitted = setTimeout(() => {
      void this.abort(new SluiceError('ERR_SESSION_INTERRUPTED', late)).catch(() => {});
    }, commitWithin);
    return null;
  }

  async #write(bytes: Uint8Array): Promise<void> {
    if (this.#proving !== null) throw new SluiceError('ERR_SESSION_STATE', 'bytes came after the end');
    if (this.#ending !== null) throw new SluiceError('ERR_SESSION_INTERRUPTED', 'the upload was stopped');
    const writing = this.#work.write(bytes);
    this.#writing = writing.catch(() => {});
    await writing;
    this.#received += bytes.length;
  }

  /** @returns null while the feed waits for the sender */
  async #interrupt(sender: FeedSender<T>, error: SluiceError): Promise<T | null> {
    if (sender.signal.aborted && !this.ending) throw error;
    if (error.row.retry !== 'resume') return this.abort(error);
    // While the job is proven, nothing more is expected of the connection.
    return this.#proving !== null && !this.ending ? null : this.#suspend(sender, error);
  }

  async #suspend(sender: FeedSender<T>, reason: SluiceError): Promise<T | null> {
    // Yet another connection may have attached meanwhile.
    if (!this.ending) sender.signal.throwIfAborted();
    const { resumeWithin } = this.#limits;
    if (this.ending || resumeWithin === 0) return this.abort(reason);
    sender.stop(reason);
    this.#stopWaiting();
    this.#waiting = setTimeout(() => void this.abort(reason).catch(() => {}), resumeWithin);
    return null;
  }

  #stopWaiting(): void {
    if (this.#waiting !== null) clearTimeout(this.#waiting);
    this.#waiting = null;
  }

  #stopUncommitted(): void {
    if (this.#uncommitted !== null) clearTimeout(this.#uncommitted);
    this.#uncommitted = null;
  }
}

/** What a sender needs of its feed. */
interface SenderPort<T> {
  write(bytes: Uint8Array): Promise<void>;
  prove(): Promise<T | null>;
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
    this.#clock?.received(bytes.length);
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
   * All bytes have come: proves them without a commit; see Feed.prove.
   * @throws SluiceError when another connection has taken the place of this one; as Feed.prove
   */
  async prove(): Promise<T | null> {
    if (this.signal.aborted) return this.interrupt(this.signal.reason);
    this.#clock?.stop();
    return this.#port.prove();
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
