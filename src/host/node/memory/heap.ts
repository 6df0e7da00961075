/**
 * Bytes of input between two full collections. What happens to be alive at a minor collection is moved out of
 * its reach; left alone, a few hundred bytes a block add up to megabytes on a large image before V8 thinks a
 * full collection worth its while. One takes some 13 ms. Measured on 1 GiB over HTTP, anonymous memory above idle: at
 * 8 MiB 2.9 MiB, at 32 MiB 3.1, at 64 MiB 3.3; at 8 MiB a tenth of the processor's time goes here, at 32 MiB a fortieth.
 */
const FULL_INTERVAL = 32 * 1024 * 1024;

/**
 * Bytes of input between two minor collections for a source whose buffers are Node's own (a socket): Node lets
 * go of them only when its young generation is collected, which by itself happens late. A source that reads
 * into one buffer of its own needs none, and is better off without: each one moves what is alive. One read of a socket
 * is 64 KiB; at four of them the peak is 0.4 MiB higher and the time the same.
 */
export const MINOR_INTERVAL = 64 * 1024;

/** Bytes of input between two looks at what Node's buffers take. A look takes some 10 microseconds. */
const LOOK_INTERVAL = 256 * 1024;

/**
 * Bytes of Node's buffers more than the least that was seen since a full collection, at which there is another one.
 * Pieces that wait in a socket while a block is written see collections too: on slow flash some grow old.
 */
const MOST_BUFFERS = 1024 * 1024;

/** Bytes of a piece from which on it is worth some 10 microseconds to take its memory away. */
const WORTH = 1024;

type Collect = (options?: { type: 'minor' }) => void;

/** Keeps the heap small while bytes flow. Count what comes in with `took`, or with `done`. */
export class HeapTrimmer {
  readonly #minorInterval: number;
  #sinceMinor = 0;
  #sinceFull = 0;
  #sinceLook = 0;
  /** The least that was seen of Node's buffers since the last full collection, in bytes. */
  #buffers = Number.POSITIVE_INFINITY;

  /** @param minorInterval - bytes between two minor collections; left out: none are asked for */
  constructor(minorInterval = Number.POSITIVE_INFINITY) {
    this.#minorInterval = minorInterval;
  }

  /**
   * Counts a piece of Node's own that nobody needs any more, and takes its memory away from it: it may be empty
   * afterwards. What has waited while a block was written has grown old by then, and would stay until a full collection
   * (on slow flash, up to 40 MiB were there).
   */
  done(piece: Uint8Array): void {
    const { buffer, length } = piece;
    // Its next owner is garbage, and young. Not where others may have a part of the same buffer.
    if (buffer instanceof ArrayBuffer && buffer.byteLength === length && length >= WORTH) {
      structuredClone(buffer, { transfer: [buffer] });
    }
    this.consumed(length);
  }

  consumed(bytes: number): void {
    this.#sinceMinor += bytes;
    this.#sinceFull += bytes;
    this.#sinceLook += bytes;
    if (this.#sinceFull >= FULL_INTERVAL || this.#areTooMany()) {
      this.#sinceFull = 0;
      this.#sinceMinor = 0;
      this.#buffers = Number.POSITIVE_INFINITY;
      collect('full');
    } else if (this.#sinceMinor >= this.#minorInterval) {
      this.#sinceMinor = 0;
      collect('minor');
    }
  }

  #areTooMany(): boolean {
    if (this.#sinceLook < LOOK_INTERVAL || this.#minorInterval === Number.POSITIVE_INFINITY) return false;
    this.#sinceLook = 0;
    const { arrayBuffers } = process.memoryUsage();
    this.#buffers = Math.min(this.#buffers, arrayBuffers);
    return arrayBuffers > this.#buffers + MOST_BUFFERS;
  }
}

/** Milliseconds after the end of a job: its answer is sent by then, and nothing holds on to it. */
const AFTER = 100;

/** Gives back soon what a job has left behind, when the process goes on living without it. */
export const collectLater = (): void => void setTimeout(() => collect('full'), AFTER).unref();

let collector: Promise<Collect> | null = null;

function collect(type: 'minor' | 'full'): void {
  collector ??= findCollector();
  // Without a type: what V8 calls major leaves behind what only a second look would free (1 MiB in 1 GiB of input).
  void collector.then((run) => (type === 'minor' ? run({ type }) : run()));
}

async function findCollector(): Promise<Collect> {
  // The launcher exposes it. Where it did not, it takes a context of its own, half a MiB, to get at it.
  const { gc } = globalThis;
  if (gc !== undefined) return gc as Collect;
  const [{ setFlagsFromString }, { runInNewContext }] = await Promise.all([
    import('node:v8'),
    import('node:vm'),
  ]);
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collect;
}
