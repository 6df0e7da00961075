import type { Readable } from 'node:stream';
import { MINOR_GC_BYTES, HeapTrimmer } from '../memory/heap.js';
import { IdleClock } from './idle-clock.js';

/** How a stream is read. */
export interface PiecesOptions {
  /** Milliseconds; see IdleClock. */
  readonly silence: number;
  /** Ends the reading and throws the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
  /** Called after each piece; true ends the reading. */
  readonly until?: (() => boolean) | undefined;
  /** Makes the error for a silent sender. */
  readonly silent: () => Error;
  /** Makes the error for an interrupted stream. */
  readonly cut: (cause?: unknown) => Error;
}

/**
 * Passes on the data of a network connection, one piece at a time. While `take` runs nothing is read, so the sender has
 * to wait, and its time does not count as silence. Leaves the stream paused. Not `for await`, which reads a piece ahead.
 *
 * @throws the errors of the options, and those of `take`
 */
export function readWithIdleTimeout(
  stream: Readable,
  take: (bytes: Uint8Array) => void | Promise<void>,
  { silence, signal, until, silent, cut }: PiecesOptions,
): Promise<void> {
  const trimmer = new HeapTrimmer(MINOR_GC_BYTES);
  return new Promise<void>((resolve, reject) => {
    /** The piece that `take` processes. Events of the connection wait until it is done. */
    let taking: Buffer | null = null;
    /** Whether this piece arrived while `take` processed the one before; and how many bytes after it did. */
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
    const taken = (): void => {
      const taken = taking as Buffer;
      taking = null;
      // A piece that did not wait is young; the next minor collection frees it for less.
      if (waited) trimmer.release(taken);
      else trimmer.consumed(taken.length);
      backlog = stream.readableLength;
      if (until?.() === true) over = {};
      // The last piece may be taken after the end was seen.
      if (over !== null) return finish();
      clock.start();
      stream.resume();
    };
    const failed = (thrown: unknown): void => {
      taking = null;
      // Overrides the error of a connection that was lost meanwhile.
      over = { error: thrown };
      finish();
    };
    const data = (chunk: Buffer): void => {
      clock.received(chunk.length);
      waited = backlog > 0;
      backlog -= chunk.length;
      let took: void | Promise<void>;
      try {
        took = take(chunk);
      } catch (thrown) {
        return failed(thrown);
      }
      if (took === undefined) {
        trimmer.consumed(chunk.length);
        return clock.start();
      }
      taking = chunk;
      stream.pause();
      took.then(taken, failed);
    };
    stream.on('data', data).on('end', ended).on('error', broken).on('close', broken);
    signal?.addEventListener('abort', stopped, { once: true });
    if (stream.destroyed) return broken();
    clock.start();
    stream.resume();
  });
}
