/**
 * Bytes of input between two full collections. Objects that survive minor collections move to the old generation: some
 * hundred bytes a block add up to megabytes on a large image before V8 starts a full collection, which takes 13 ms.
 * Measured on 1 GiB over HTTP, anonymous memory above idle: at 8 MiB 2.9 MiB, at 32 MiB 3.1, at 64 MiB 3.3. At 8 MiB
 * collections take a tenth of the CPU time, at 32 MiB a fortieth.
 */
const FULL_GC_BYTES = 32 * 1024 * 1024;

/**
 * Bytes of input between two minor collections, for a source whose buffers Node allocates (a socket): they are freed
 * only by a collection of the young generation, which V8 starts late. A source with one buffer of its own needs none.
 * One read of a socket is 64 KiB; with four times as much the peak is 0.4 MiB higher and the time the same.
 */
export const MINOR_GC_BYTES = 64 * 1024;

/** Bytes of input between two checks of the memory of buffers. A check takes about 10 us. */
const BUFFER_CHECK_BYTES = 256 * 1024;

/**
 * Growth of the memory of buffers, in bytes since a full collection, that starts the next one. Buffers that wait in a
 * socket while slow flash is written survive minor collections and become old.
 */
const MAX_BUFFER_GROWTH = 1024 * 1024;

/** Bytes of a piece below which detaching its memory, about 10 us, does not pay. */
const MIN_DETACH_BYTES = 1024;

type Collect = (options?: { type: 'minor' }) => void;

/** Keeps the heap small during a stream. Call `consumed` or `release` for each piece. */
export class HeapTrimmer {
  readonly #minorInterval: number;
  #sinceMinor = 0;
  #sinceFull = 0;
  #sinceCheck = 0;
  /** Least memory of buffers since the last full collection, in bytes. */
  #leastBuffers = Number.POSITIVE_INFINITY;

  /** @param minorInterval - bytes between two minor collections; default none */
  constructor(minorInterval = Number.POSITIVE_INFINITY) {
    this.#minorInterval = minorInterval;
  }

  /**
   * Counts a piece that Node allocated and that is no longer used, and frees its memory: the piece may be empty
   * afterwards. A piece that waited while a block was written would stay until a full collection (up to 40 MiB on slow
   * flash).
   */
  release(piece: Uint8Array): void {
    const { buffer, length } = piece;
    // The transferred buffer is young garbage. Not for a buffer shared with other pieces.
    if (buffer instanceof ArrayBuffer && buffer.byteLength === length && length >= MIN_DETACH_BYTES) {
      structuredClone(buffer, { transfer: [buffer] });
    }
    this.consumed(length);
  }

  consumed(bytes: number): void {
    this.#sinceMinor += bytes;
    this.#sinceFull += bytes;
    this.#sinceCheck += bytes;
    if (this.#sinceFull >= FULL_GC_BYTES || this.#buffersHaveGrown()) {
      this.#sinceFull = 0;
      this.#sinceMinor = 0;
      this.#leastBuffers = Number.POSITIVE_INFINITY;
      collect('full');
    } else if (this.#sinceMinor >= this.#minorInterval) {
      this.#sinceMinor = 0;
      collect('minor');
    }
  }

  #buffersHaveGrown(): boolean {
    if (this.#sinceCheck < BUFFER_CHECK_BYTES || this.#minorInterval === Number.POSITIVE_INFINITY)
      return false;
    this.#sinceCheck = 0;
    const { arrayBuffers } = process.memoryUsage();
    this.#leastBuffers = Math.min(this.#leastBuffers, arrayBuffers);
    return arrayBuffers > this.#leastBuffers + MAX_BUFFER_GROWTH;
  }
}

/** After the end of a job: by then its answer is sent and nothing refers to it. */
const IDLE_GC_DELAY_MS = 100;

/** Collects what a job left, soon after its end, in a process that goes on. */
export const collectLater = (): void => void setTimeout(() => collect('full'), IDLE_GC_DELAY_MS).unref();

let collector: Promise<Collect> | null = null;

function collect(type: 'minor' | 'full'): void {
  collector ??= findCollector();
  // No type for a full one: `major` leaves some garbage (1 MiB in 1 GiB of input).
  void collector.then((run) => (type === 'minor' ? run({ type }) : run()));
}

async function findCollector(): Promise<Collect> {
  // The launcher exposes gc. Without the launcher a new context, 0.5 MiB, is needed to get it.
  const { gc } = globalThis;
  if (gc !== undefined) return gc as Collect;
  const [{ setFlagsFromString }, { runInNewContext }] = await Promise.all([
    import('node:v8'),
    import('node:vm'),
  ]);
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as Collect;
}
