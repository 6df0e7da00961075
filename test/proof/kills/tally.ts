/** What a group of rounds has counted. */
export class Tally {
  readonly name: string;
  rounds = 0;
  readonly counts: Record<string, number> = {};
  readonly failures: string[] = [];
  readonly skipped: string[] = [];
  seconds = 0;

  readonly #say: (line: string) => void;

  constructor(name: string, say: (line: string) => void) {
    this.name = name;
    this.#say = say;
  }

  count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }

  /** Notes what was wrong in a round, if anything. @param how - what repeats it, or tells it apart */
  judge(how: string, faults: readonly string[]): void {
    this.rounds++;
    if (faults.length > 0) this.fail(`${how}: ${faults.slice(0, 4).join('; ')}`);
  }

  /** Notes a failure, and tells it at once. */
  fail(what: string): void {
    this.failures.push(what);
    this.#say(`  ${this.name}: ${what}`);
  }
}

/** What a group works with. */
export interface Context {
  readonly seed: number;
  /** A folder for it alone. */
  readonly dir: string;
  /** Share of the full number of rounds. */
  readonly share: number;
  /** Path of the built shim; why there is none. */
  readonly shim: { readonly path: string } | { readonly missing: string };
  readonly say: (line: string) => void;
}

/** Rounds on a board of their own. */
export interface Lane {
  readonly dir: string;
  readonly seed: number;
  readonly rounds: number;
  readonly say: (line: string) => void;
}

/** Boards at once: a round waits for the flash, for most of its time. */
const LANES = 3;

/** Shares rounds between boards. @param full - how many there are when nothing is left out */
export async function inLanes(
  { dir, seed, share, say }: Context,
  full: number,
  run: (lane: Lane) => Promise<void>,
): Promise<void> {
  const rounds = Math.max(1, Math.round(full * share));
  const lanes = Math.min(LANES, rounds);
  const of = (index: number): number =>
    Math.floor(((index + 1) * rounds) / lanes) - Math.floor((index * rounds) / lanes);
  await Promise.all(
    Array.from({ length: lanes }, (_, index) =>
      run({ dir: `${dir}-${index}`, seed: seed * 10 + index, rounds: of(index), say }),
    ),
  );
}

/** @returns at least 1 */
export const roundsOf = ({ share }: Context, full: number): number => Math.max(1, Math.round(full * share));
