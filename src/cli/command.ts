import type { Invocation, OptionTable } from '../config/invocation.js';

/** One command of the program, in one file. */
export interface Command {
  readonly name: string;
  /** How it is called, after `sluice`. */
  readonly usage: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** Paragraphs for --help. */
  readonly description: string;
  readonly examples: readonly string[];
  readonly options: OptionTable;
  /** How many arguments it takes, at least and at most. */
  readonly arity: readonly [number, number];
  /** Whether its errors tell what state the flash is in. */
  readonly writesFlash?: boolean;
  /** @returns the exit code */
  run(invocation: Invocation): Promise<number>;
}
