/** One option of a command. */
export interface OptionSpec {
  /** Placeholder of its value in --help; an option without one is a switch. */
  readonly value?: string;
  readonly short?: string;
  readonly help: string;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** What the command line said. */
export interface Invocation {
  readonly arguments: readonly string[];
  /** Value of an option, undefined when it was not given. */
  option(name: string): string | undefined;
  /** Whether a switch was given. */
  has(name: string): boolean;
}

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
