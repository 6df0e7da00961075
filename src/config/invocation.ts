/** An option of a command. */
export interface OptionSpec {
  /** Placeholder of its value in --help; an option without one is a switch. */
  readonly value?: string;
  readonly short?: string;
  readonly help: string;
}

export type OptionTable = Readonly<Record<string, OptionSpec>>;

/** A parsed command line. */
export interface Invocation {
  readonly arguments: readonly string[];
  /** Value of an option; undefined if it was not given. */
  option(name: string): string | undefined;
  /** Whether a switch was given. */
  has(name: string): boolean;
}
