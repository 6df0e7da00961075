import type { Feed, FeedSender } from './feed.js';

/**
 * The sender of a job that begins with the first byte: the fields of a form come before its file, and an empty body is
 * not a bundle.
 */
export class DeferredSender<T, F extends Feed<T> = Feed<T>> {
  readonly #begin: () => Promise<F>;
  readonly #stop = new AbortController();
  #feed: F | null = null;
  #sender: FeedSender<T> | null = null;

  /** @param begin - begins the job; called once, with the first byte */
  constructor(begin: () => Promise<F>) {
    this.#begin = begin;
  }

  /** Null until the first byte. */
  get feed(): F | null {
    return this.#feed;
  }

  /** @throws SluiceError the errors of `begin`, and as FeedSender.write */
  async write(bytes: Uint8Array): Promise<void> {
    this.#sender ??= await this.#attach();
    await this.#sender.write(bytes);
  }

  /**
   * Reads all bytes and ends the job, as FeedSender.run does.
   * @param read - passes the bytes to `write`; must write some or throw; must stop and throw if `signal` is aborted
   * @param received - called when all bytes have arrived and only the answer is outstanding
   * @throws SluiceError as FeedSender.run; the errors of `read` if the job has not begun
   */
  async run(read: (signal: AbortSignal) => Promise<void>, received?: (feed: F) => void): Promise<T> {
    try {
      await read(this.#stop.signal);
    } catch (thrown) {
      if (this.#sender === null) throw thrown;
      return this.#sender.interrupt(thrown);
    }
    const [sender, feed] = [this.#sender as FeedSender<T>, this.#feed as F];
    return sender.run(
      () => Promise.resolve(),
      () => received?.(feed),
    );
  }

  async #attach(): Promise<FeedSender<T>> {
    const feed = await this.#begin();
    const sender = await feed.attach();
    const { signal } = sender;
    const stop = (): void => this.#stop.abort(signal.reason);
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    this.#feed = feed;
    return sender;
  }
}
