import type { ErrorCode } from '../../../src/core/errors.js';
import type { Random } from './random.js';

/** What a fuzzer is told of one parser. */
export interface FuzzTarget {
  readonly name: string;
  /** The codes in which the parser may end; any other error is a finding, ERR_SESSION_INTERNAL always. */
  readonly codes: readonly ErrorCode[];
  /** Good input to begin with, of every form that the parser knows. */
  readonly seeds: readonly Uint8Array[];
  /** Words that mean something to the parser. */
  readonly dictionary?: readonly string[];
  /** Longest input in bytes. @default 4096 */
  readonly longest?: number;
  /** Milliseconds of the processor that one input may take. @default 50 */
  readonly bound?: number;
  /** Bytes of memory (heap and buffers) that one input may make it take. @default 8 MiB */
  readonly memory?: number;
  /** Makes damage get past check sums: gives tar headers their right sum and so on. */
  readonly mend?: (bytes: Buffer, random: Random) => Buffer;
  /**
   * Parses one input and asserts what must hold of the outcome.
   * @returns what kind of outcome it was, for feedback: inputs of a new kind are kept
   * @throws SluiceError when the parser refuses it; anything else is a finding
   */
  readonly run: (bytes: Buffer, random: Random) => string | Promise<string>;
  /** Ends what the target holds open. */
  readonly close?: () => void | Promise<void>;
}

/** An oracle that does not hold. */
export class Finding extends Error {
  override readonly name = 'Finding';
}

/** @throws Finding */
export function must(holds: boolean, what: string): asserts holds {
  if (!holds) throw new Finding(what);
}

/** A seed from text, each character one byte. */
export const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1');
export const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8');
