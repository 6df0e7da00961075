import type { Invocation, OptionTable } from '../config/invocation.js';

/** One command of the program, in one file. */
export interface Command {
  readonly name: string;
  /** Arguments and options, after `sluice`. */
  readonly usage: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Paragraphs for --help. */
  readonly description: string;
  readonly examples: readonly string[];
  readonly options: OptionTable;
  /** Least and greatest number of arguments. */
  readonly arity: readonly [number, number];
  /** Whether its errors show the state of the flash. */
  readonly writesFlash?: boolean;
  /** @returns the exit code */
  run(invocation: Invocation): Promise<number>;
}
