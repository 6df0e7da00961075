/**
 * What reads an update as it arrives. A container format (tar, a single image) is an implementation of BundleReader;
 * a consumer of an update is a BundleHandler and knows of no format. test/conformance has the suite that each reader
 * must pass.
 *
 * @packageDocumentation
 */
import type { ByteSink } from '../platform.js';
import type { BlockIndex } from './block-index.js';

/**
 * Takes a source chunk by chunk, in chunks of any size, and hands to its handler what is in it, in the order in which it
 * arrives. What is handed over must not depend on how the source was cut into chunks.
 *
 * - `write` must resolve only when the handler has taken all that the chunk brought, and the chunk stays as it is until
 *   then: so a slow handler slows the sender. Calls must come one at a time (else ERR_SESSION_STATE).
 * - Memory must not grow with the source: images are handed on and not kept.
 * - `end` must reject, with ERR_SOURCE_TRUNCATED, if the source ends where its format does not.
 * - After an error, the handler's included, every call must reject with that error, and nothing more is handed over.
 *   After `end` every call must reject with ERR_SESSION_STATE.
 * - What a reader hands over is decoded and within its limits; nothing in it is verified.
 */
export type BundleReader = ByteSink;

/**
 * Takes what a reader finds. The reader must wait for each promise before it hands on anything else; if there is no
 * promise it need not wait. What is thrown fails the reader.
 */
export interface BundleHandler {
  /**
   * A small member has come whole: MANIFEST, publickey or a signature.
   *
   * @param bytes - the handler's to keep
   */
  member(name: string, bytes: Uint8Array): void | Promise<void>;
  /**
   * A signature or key of another algorithm is complete, such as `MLDSA/image-kernel.sig`. Absent if the handler ignores
   * them.
   *
   * @param bytes - the handler's to keep
   */
  readonly otherSignature?: (name: string, bytes: Uint8Array) => void;
  /**
   * The block index (BLOCKS) begins.
   *
   * @param size - bytes
   * @returns what takes the index
   */
  index(size: number): IndexSink | Promise<IndexSink>;
  /**
   * An image begins.
   *
   * @returns what takes its bytes
   */
  image(image: BundleImage): PartSink | Promise<PartSink>;
}

/** An image, as its container announces it. */
export interface BundleImage {
  /** The partition that it is for. */
  readonly partition: string;
  /** Bytes; null if the container does not say. */
  readonly size: number | null;
  /** SHA-256 that the container states beside the image, for the handler to compare; absent in formats without one. */
  readonly sha256?: Uint8Array;
}

/** Takes the bytes of one part of a bundle. */
export interface PartSink {
  /** Takes the next bytes, at least one: a view, valid until the promise settles, else until the call returns. */
  write(bytes: Uint8Array): void | Promise<void>;
  /** All bytes of the part have come. */
  end(): void | Promise<void>;
}

/** Takes the block index. */
export interface IndexSink {
  /** The next bytes of its text, which are what is signed. */
  write(bytes: Uint8Array): void;
  /** All of the text has come, and is this index. */
  end(index: BlockIndex): void | Promise<void>;
}
