/**
 * The two buffers of a session, allocated once and only grown: while one is proven and written, the other
 * one is filled.
 */
export class BufferPair {
  #buffers: [Uint8Array, Uint8Array] = [new Uint8Array(0), new Uint8Array(0)];
  #current = 0;

  /** Makes both buffers hold `size` bytes at least. Must not be called while one is in use. */
  ensure(size: number): void {
    if (this.#buffers[0].length >= size) return;
    this.#buffers = [new Uint8Array(size), new Uint8Array(size)];
  }

  /** The buffer that is being filled. */
  get current(): Uint8Array {
    return this.#buffers[this.#current] as Uint8Array;
  }

  swap(): void {
    this.#current = 1 - this.#current;
  }
}

/** Takes full units (the last one may be shorter); the bytes stay as they are until `store` settles. */
export interface UnitSink {
  /** Called as soon as the unit is full, even while the one before it is still being stored. */
  prove(unit: Uint8Array, index: number): Promise<void>;
  /** Called when the unit is proven and the one before it is stored; never when either of these failed. */
  store(unit: Uint8Array, index: number): Promise<void>;
}

/**
 * Collects a stream of bytes into units of one size. One unit is proven and stored while the next one is being
 * collected, so `write` holds its caller back as soon as both buffers are full.
 */
export class BlockAssembler {
  readonly #buffers: BufferPair;
  readonly #unit: number;
  readonly #sink: UnitSink;
  #filled = 0;
  #index = 0;
  #underway: Promise<void> = Promise.resolve();

  constructor(buffers: BufferPair, unit: number, sink: UnitSink) {
    buffers.ensure(unit);
    this.#buffers = buffers;
    this.#unit = unit;
    this.#sink = sink;
  }

  /** Copies `bytes` in. Returns nothing when they fitted, else a promise of when they did. */
  write(bytes: Uint8Array): void | Promise<void> {
    if (this.#filled + bytes.length < this.#unit) {
      this.#buffers.current.set(bytes, this.#filled);
      this.#filled += bytes.length;
      return undefined;
    }
    return this.#writeAcross(bytes);
  }

  /** Hands on what is left and resolves when everything is taken. */
  async end(): Promise<void> {
    if (this.#filled > 0) await this.#full();
    await this.#underway;
  }

  /** Resolves when no unit is under way any more, whether it went well or not. */
  async settled(): Promise<void> {
    await this.#underway.catch(() => {});
  }

  async #writeAcross(bytes: Uint8Array): Promise<void> {
    for (let at = 0; at < bytes.length;) {
      const room = Math.min(this.#unit - this.#filled, bytes.length - at);
      this.#buffers.current.set(bytes.subarray(at, at + room), this.#filled);
      this.#filled += room;
      at += room;
      if (this.#filled === this.#unit) await this.#full();
    }
  }

  async #full(): Promise<void> {
    const unit = this.#buffers.current.subarray(0, this.#filled);
    const index = this.#index++;
    const previous = this.#underway;
    this.#buffers.swap();
    this.#filled = 0;
    this.#underway = this.#after(previous, unit, index);
    // Whoever writes next awaits it; a failure must not count as unhandled until then.
    this.#underway.catch(() => {});
    await previous;
  }

  async #after(previous: Promise<void>, unit: Uint8Array, index: number): Promise<void> {
    const proven = this.#sink.prove(unit, index);
    proven.catch(() => {});
    await previous;
    await proven;
    await this.#sink.store(unit, index);
  }
}
