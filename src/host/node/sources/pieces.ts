import type { Readable } from 'node:stream';
import { MINOR_INTERVAL, HeapTrimmer } from '../memory/heap.js';
import { IdleClock } from './idle-clock.js';

/** How a stream is read. */
export interface PiecesOptions {
  /** Milliseconds of silence after which a sender is given up; see IdleClock. */
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
    /** What `take` is at work on. What happens to the connection meanwhile waits for it. */
    let taking: Buffer | null = null;
    /** Whether it had come while `take` was at work on the one before, and bytes behind it that have. */
    let waited = false;
    let backlog = 0;
    let over: { readonly error?: unknown } | null = null;
    const finish = (): void => {
      clock.stop();
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
    const clock = new IdleClock(silence, () => settle(silent()));
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
      clock.start();
      stream.resume();
    };
    const failed = (thrown: unknown): void => {
      taking = null;
      // It says more than that the connection has gone meanwhile.
      over = { error: thrown };
      finish();
    };
    const data = (chunk: Buffer): void => {
      clock.heard(chunk.length);
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
        return clock.start();
      }
      taking = chunk;
      stream.pause();
      took.then(goOn, failed);
    };
    stream.on('data', data).on('end', ended).on('error', broken).on('close', broken);
    signal?.addEventListener('abort', stopped, { once: true });
    if (stream.destroyed) return broken();
    clock.start();
    stream.resume();
  });
}
