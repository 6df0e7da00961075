import type { ChipStore } from './store.js';

/** A chip in memory. The bytes stay after `close`, so that the chip can be opened again. */
export class MemoryStore implements ChipStore {
  /** The raw bytes of the chip, live. */
  readonly bytes: Uint8Array;

  /** @param content - size of an erased chip, or the bytes of a chip (not copied) */
  constructor(content: number | Uint8Array) {
    this.bytes = typeof content === 'number' ? new Uint8Array(content).fill(0xff) : content;
  }

  get size(): number {
    return this.bytes.length;
  }

  read(offset: number, into: Uint8Array): void {
    into.set(this.bytes.subarray(offset, offset + into.length));
  }

  write(offset: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, offset);
  }

  fill(offset: number, length: number, value: number): void {
    this.bytes.fill(value, offset, offset + length);
  }

  sync(): void {}

  close(): void {}
}
