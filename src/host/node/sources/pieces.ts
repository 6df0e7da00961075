import type { Readable } from 'node:stream';
import { MINOR_INTERVAL, HeapTrimmer } from '../memory/heap.js';

/**
 * Bytes that must come within the limit of silence, or the sender counts as silent: one byte now and then must not
 * hold the flash for days. Far below the slowest links that there are (9600 baud: 28,000 in 30 seconds).
 */
export const MIN_PROGRESS_BYTES = 1024;

/** How a stream is read. */
export interface PiecesOptions {
  /** Milliseconds of silence after which a sender is given up; that of less than LEAST bytes is silence too. */
  readonly silence: number;
  /** Ends the reading; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
  /** Asked after each piece whether it was the last that is wanted. */
  readonly until?: (() => boolean) | undefined;
  /** What is thrown when the sender is silent. */
  readonly silent: () => Error;
  /** What is thrown when the stream breaks off, with what it says of that, if it does. */
  readonly cut: (cause?: unknown) => Error;
}

/**
 * Hands on what a network connection brings, one piece at a time: while `take` is at work nothing is read, and the
 * sender is held back by its own socket. Only silence of the sender counts as silence, not the time that `take` needs.
 * Leaves the stream paused. Not `for await`, which reads a piece ahead.
 *
 * @throws what the options say, and whatever `take` throws
 */
export function readWithIdleTimeout(
  stream: Readable,
  take: (bytes: Uint8Array) => void | Promise<void>,
  { silence, signal, until, silent, cut }: PiecesOptions,
): Promise<void> {
  const scavenger = new HeapTrimmer(MINOR_INTERVAL);
  return new Promise<void>((resolve, reject) => {
    let timer: NodeJS.Timeout | undefined;
    let patience = silence;
    let asked = 0;
    /** Bytes that have come since the patience was renewed. */
    let come = 0;
    /** What `take` is at work on. What happens to the connection meanwhile waits for it. */
    let taking: Buffer | null = null;
    /** Whether it had come while `take` was at work on the one before, and bytes behind it that have. */
    let waited = false;
    let backlog = 0;
    let over: { readonly error?: unknown } | null = null;
    const finish = (): void => {
      clearTimeout(timer);
      stream.off('data', data).off('end', ended).off('error', broken).off('close', broken);
      signal?.removeEventListener('abort', stopped);
      stream.pause();
      if (over?.error === undefined) resolve();
      else reject(over.error as Error);
    };
    const settle = (error?: unknown): void => {
      over ??= { error };
      if (taking === null) finish();
    };
    const listen = (): void => {
      asked = performance.now();
      timer = setTimeout(() => settle(silent()), patience);
    };
    const heard = (bytes: number): void => {
      clearTimeout(timer);
      come += bytes;
      patience -= performance.now() - asked;
      if (come < MIN_PROGRESS_BYTES) return;
      come = 0;
      patience = silence;
    };
    const broken = (cause?: unknown): void => settle(cut(cause));
    const ended = (): void => settle();
    const stopped = (): void => settle(signal?.reason);
    const goOn = (): void => {
      const taken = taking as Buffer;
      taking = null;
      // To take its memory away costs more than to let it be, where it dies young.
      if (waited) scavenger.done(taken);
      else scavenger.consumed(taken.length);
      backlog = stream.readableLength;
      if (until?.() === true) over = {};
      // The last piece may be taken after the end was seen.
      if (over !== null) return finish();
      listen();
      stream.resume();
    };
    const failed = (thrown: unknown): void => {
      taking = null;
      // It says more than that the connection has gone meanwhile.
      over = { error: thrown };
      finish();
    };
    const data = (chunk: Buffer): void => {
      heard(chunk.length);
      waited = backlog > 0;
      backlog -= chunk.length;
      let took: void | Promise<void>;
      try {
        took = take(chunk);
      } catch (thrown) {
        return failed(thrown);
      }
      if (took === undefined) {
        scavenger.consumed(chunk.length);
        return listen();
      }
      taking = chunk;
      stream.pause();
      took.then(goOn, failed);
    };
    stream.on('data', data).on('end', ended).on('error', broken).on('close', broken);
    signal?.addEventListener('abort', stopped, { once: true });
    if (stream.destroyed) return broken();
    listen();
    stream.resume();
  });
}
