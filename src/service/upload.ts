import { SluiceError } from '../core/errors.js';
import type { JobMonitor } from './job-monitor.js';
import type { UpdateRequest } from './update-request.js';
import type { Work } from './work.js';

/** An upload as the code sees it that reads its bytes off a connection. */
export class Upload<T = unknown> {
  /** Of its receipt. */
  readonly id: string;
  readonly request: UpdateRequest;
  readonly monitor: JobMonitor;
  readonly #work: Work<T>;
  #sender = new AbortController();
  #running: Promise<unknown> = Promise.resolve();
  #ending: Promise<T> | null = null;
  #received = 0;

  constructor(id: string, request: UpdateRequest, monitor: JobMonitor, work: Work<T>) {
    this.id = id;
    this.request = request;
    this.monitor = monitor;
    this.#work = work;
  }

  /** Bytes taken so far. */
  get received(): number {
    return this.#received;
  }

  /** For a check: whether what has come shows that the bundle proves its blocks by itself, so that none is needed. */
  get enough(): boolean {
    return this.#work.enough ?? false;
  }

  /** Whether it has come to its end, or is about to. */
  get ending(): boolean {
    return this.#ending !== null;
  }

  /**
   * A new connection goes on with the upload: the one before it is told to stop by its signal.
   * @returns what tells this connection in its turn, once all bytes that the other one had given are taken. It may
   *   be tripped by then already
   */
  async attach(): Promise<AbortSignal> {
    this.#sender.abort(
      new SluiceError('ERR_SESSION_INTERRUPTED', 'another connection has gone on with this upload'),
    );
    this.#sender = new AbortController();
    const { signal } = this.#sender;
    await this.#running;
    return signal;
  }

  /**
   * Takes bytes, which may be reused when it resolves; waiting for it is what holds the sender back.
   * @param signal - of the connection, as `attach` gave it
   * @throws SluiceError what went wrong; `abort` must be called then
   */
  async write(bytes: Uint8Array, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    if (this.#ending !== null) throw new SluiceError('ERR_SESSION_INTERRUPTED', 'the upload was stopped');
    const running = this.#work.write(bytes);
    this.#running = running.catch(() => {});
    await running;
    this.#received += bytes.length;
  }

  /** All bytes have come. An update does not throw, a check throws what it refuses. */
  end(): Promise<T> {
    this.#ending ??= this.#work.end();
    return this.#ending;
  }

  /** Ends it without a commit, unless it is ending already; then it hurries that. */
  abort(reason: unknown): Promise<T> {
    this.#sender.abort(reason);
    if (this.#ending === null) this.#ending = this.#work.abort(reason);
    else void this.#work.abort(reason).catch(() => {});
    return this.#ending;
  }
}
