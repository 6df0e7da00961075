/**
 * Where the bytes of a simulated chip live.
 *
 * Synchronous on purpose: a 64 KiB pread took 11 us here, and 80 us through the thread pool; the chip makes
 * its operations asynchronous itself, for the time that the modelled silicon would take.
 *
 * @packageDocumentation
 */

/** Raw bytes, without any rule of flash. Callers stay inside `size`; I/O errors are thrown as they come. */
export interface ChipStore {
  /** Bytes. */
  readonly size: number;
  /** Fills `into` from `offset`. */
  read(offset: number, into: Uint8Array): void;
  /** Stores `bytes` at `offset`. */
  write(offset: number, bytes: Uint8Array): void;
  /** Stores `length` times `value` at `offset`. */
  fill(offset: number, length: number, value: number): void;
  /** Returns when everything that was stored would survive a crash. */
  sync(): void;
  /** Gives up the resources. */
  close(): void;
}
