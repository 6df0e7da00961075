/** Runs a scenario through its cuts: each one is a state. */
import { Noise } from '../../../src/core/sim/noise.js';
import { freshRemains, runUpdate, type Remains, type Run } from './board.js';
import { cutsOf, formatCut, type Cut } from './cut.js';
import { atTheEnd, uncommitted } from './invariants.js';
import type { Scenario, Update } from './scenario.js';

/** How much of a scenario is run. */
export interface Extent {
  /** Chooses the noise of the cuts, and which are sampled. */
  readonly seed: number;
  /** Torn cuts of one operation and moment. */
  readonly tears: number;
  /** Of each so many states one is run. @default 1 */
  readonly every?: number;
  /** Leaves out what other workers do: states whose number is `share[0]` modulo `share[1]`. */
  readonly share?: readonly [number, number];
  readonly journalled?: boolean;
}

/** A state in which something is wrong. */
export interface Failure {
  readonly scenario: string;
  /** The cuts one after the other; `run.mjs --only SCENARIO --cut CUTS` runs it alone. */
  readonly cuts: string;
  readonly seed: number;
  readonly wrong: readonly string[];
}

/** What came of a scenario. */
export interface Tally {
  readonly scenario: string;
  readonly operations: number;
  readonly journal: number;
  states: number;
  /** Of these with more than one cut. */
  nested: number;
  /** The most erases over those of the clean run, without need, for one cut. */
  mostErases: number;
  failures: Failure[];
  failed: number;
}

/**
 * Blocks that may be erased again without need where nobody knows before its end which bundle comes: those of a
 * window of the journal. With a bundle that is known it is one.
 */
const UNKNOWN = 8;

/** Second cuts for each first one, where a scenario says nothing. */
const SECOND = 3;
/** Cuts in a row at most; a session that is stopped more often in one place is refused, which is another test. */
const LONGEST = 6;
/** Of so many states with several cuts one gets another. */
const ONE_IN = 6;

/** Failures that are kept; the rest is counted. */
const KEPT = 40;

/** A scenario at work. */
export class Explorer {
  readonly tally: Tally;
  readonly #scenario: Scenario;
  readonly #extent: Extent;
  readonly #start: Remains;
  /** The first update without a cut. */
  readonly #clean: Run;
  /** The board when all is committed without a cut, and the erases until then. */
  readonly #done: { readonly left: Remains; readonly erases: Uint32Array };
  readonly #noise: Noise;

  private constructor(scenario: Scenario, extent: Extent, start: Remains, clean: Run, done: Run) {
    this.#scenario = scenario;
    this.#extent = extent;
    this.#start = start;
    this.#clean = clean;
    this.#done = { left: done.left, erases: erasesOf(clean === done ? [clean] : [clean, done]) };
    this.#noise = new Noise(extent.seed ^ hash(scenario.name));
    const { operations, journal } = clean.trace;
    this.tally = {
      scenario: scenario.name,
      operations: operations.length,
      journal,
      states: 0,
      nested: 0,
      mostErases: 0,
      failures: [],
      failed: 0,
    };
  }

  /** Runs the scenario without a cut, which counts its operations. */
  static async open(scenario: Scenario, extent: Extent): Promise<Explorer> {
    const start = freshRemains(scenario);
    const { journalled = true } = extent;
    const clean = await runUpdate(scenario, start, scenario.first, { journalled });
    if (scenario.first.ending !== 'abandoned') {
      if (clean.error !== null) throw clean.error;
      return new Explorer(scenario, extent, start, clean, clean);
    }
    const wrong = [...uncommitted(scenario, scenario.first, start, clean, 0)];
    const done = await runUpdate(scenario, clean.left, scenario.after.at(-1) as Update, { journalled });
    if (done.error !== null) throw done.error;
    const explorer = new Explorer(scenario, extent, start, clean, done);
    if (wrong.length > 0) explorer.#fail([], wrong);
    return explorer;
  }

  /** Runs all states of the extent. */
  async all(): Promise<Tally> {
    const { tears, every = 1, share = [0, 1] } = this.#extent;
    const seeds = Array.from({ length: tears }, () => this.#noise.below(0x10000));
    let number = 0;
    for (const cut of cutsOf(this.#clean.trace, seeds)) {
      const mine = number++ % share[1] === share[0];
      // Drawn for all, so that each share and each sample of a seed has the same cuts.
      const second = new Noise(this.#noise.next());
      if (!mine || (every > 1 && second.below(every) !== 0)) continue;
      await this.#onceCut(cut, second);
    }
    return this.tally;
  }

  /** Runs one state by its name. */
  async one(cuts: readonly Cut[]): Promise<Tally> {
    const { run: first } = await this.#cut(cuts.slice(0, 1));
    if (first !== null) await this.#finish(cuts, await this.#through(cuts, first));
    return this.tally;
  }

  async #onceCut(cut: Cut, noise: Noise): Promise<void> {
    const { run } = await this.#cut([cut]);
    if (run === null) return;
    const resumed = await this.#finish([cut], run);
    const { second = SECOND } = this.#scenario;
    if (resumed === null || second === 0) return;
    const more = [...cutsOf(resumed.trace, [noise.below(0x10000)])];
    const chosen =
      second === 'all' ? more : Array.from({ length: second }, () => more[noise.below(more.length)] as Cut);
    for (const next of chosen) {
      if (next === undefined) continue;
      await this.#chain([cut, next], run, noise);
    }
  }

  /** A second cut; now and then a third behind it, and so on. */
  async #chain(cuts: Cut[], first: Run, noise: Noise): Promise<void> {
    for (;;) {
      const resumed = await this.#finish(cuts, await this.#through(cuts, first));
      if (resumed === null || cuts.length === LONGEST || noise.below(ONE_IN) !== 0) return;
      const more = [...cutsOf(resumed.trace, [noise.below(0x10000)])];
      const next = more[noise.below(more.length)];
      if (next === undefined) return;
      cuts = [...cuts, next];
    }
  }

  /** The first cut. */
  async #cut(cuts: readonly Cut[]): Promise<{ run: Run | null }> {
    const { journalled = true } = this.#extent;
    const [cut = null] = cuts;
    const run = await runUpdate(this.#scenario, this.#start, this.#scenario.first, { cut, journalled });
    const wrong = [...uncommitted(this.#scenario, this.#scenario.first, this.#start, run, 1)];
    if (wrong.length === 0) return { run };
    this.#fail(cuts, wrong);
    this.tally.states++;
    return { run: null };
  }

  /** The later cuts, each in the first update behind the cut before it. */
  async #through(cuts: readonly Cut[], first: Run): Promise<Run | null> {
    const { journalled = true } = this.#extent;
    const update = this.#scenario.after[0] as Scenario['first'];
    let run = first;
    for (const [index, cut] of cuts.entries()) {
      if (index === 0) continue;
      const start = run.left;
      run = await runUpdate(this.#scenario, start, update, { cut, journalled });
      const wrong = [...uncommitted(this.#scenario, update, start, run, index + 1)];
      if (wrong.length > 0) {
        this.#fail(cuts.slice(0, index + 1), wrong);
        this.tally.states++;
        return null;
      }
    }
    return run;
  }

  /** Runs what comes behind the cuts to its end. @returns the first resumed run, null when something was wrong */
  async #finish(cuts: readonly Cut[], cutRun: Run | null): Promise<Run | null> {
    if (cutRun === null) return null;
    const { journalled = true } = this.#extent;
    this.tally.states++;
    if (cuts.length > 1) this.tally.nested++;
    const wrong: string[] = [];
    let run = cutRun;
    const runs = [cutRun];
    for (const update of this.#scenario.after) {
      const start = run.left;
      run = await runUpdate(this.#scenario, start, update, { journalled });
      runs.push(run);
      if (update.ending === 'abandoned') {
        wrong.push(...uncommitted(this.#scenario, update, start, run, cuts.length));
        if (wrong.length > 0) break;
      } else if (run.error !== null) {
        wrong.push(`the next run ended in ${run.error.code}: ${run.error.message}`);
        break;
      }
    }
    if (run.error === null) wrong.push(...(await atTheEnd(this.#scenario, this.#done.left, run)));
    const right = wrong.length === 0;
    if (right && cuts.length === 1 && this.#scenario.next === undefined) this.#weigh(runs, wrong);
    if (wrong.length > 0) this.#fail(cuts, wrong);
    return right ? (runs[1] as Run) : null;
  }

  /**
   * Blocks erased again, by all runs against the clean ones. What the cut has torn needs it. A block that is erased
   * for the first time, where the clean run has programmed it without, is not erased again.
   */
  #weigh(runs: readonly Run[], wrong: string[]): void {
    const [cut, last] = [runs[0], runs.at(-1)] as [Run, Run];
    const most = this.#scenario.first.gated ? UNKNOWN : 1;
    const torn = new Set(cut.left.chip.torn.map(({ block }) => block));
    let again = 0;
    let instead = 0;
    const bad = new Set(last.left.chip.grownBad);
    const all = erasesOf(runs);
    this.#done.erases.forEach((clean, block) => {
      // One that goes bad is tried again by each run until it is marked.
      if (bad.has(block)) return;
      const erases = all[block] as number;
      const needed = Math.max(clean, 1) + (torn.has(block) ? 1 : 0);
      if (erases > needed) again += erases - needed;
      else if (erases > clean && !torn.has(block)) instead++;
    });
    this.tally.mostErases = Math.max(this.tally.mostErases, again);
    if (again > most) wrong.push(`${again} blocks were erased again without need, ${most} may be`);
    if (instead > most) wrong.push(`${instead} blocks were erased that need not be, ${most} may be`);
  }

  #fail(cuts: readonly Cut[], wrong: readonly string[]): void {
    this.tally.failed++;
    if (this.tally.failures.length >= KEPT) return;
    const { seed } = this.#extent;
    this.tally.failures.push({
      scenario: this.#scenario.name,
      cuts: cuts.map(formatCut).join(','),
      seed,
      wrong,
    });
  }
}

/** Erases of each block by all these runs. */
function erasesOf(runs: readonly Run[]): Uint32Array {
  const [first, ...more] = runs.map(({ trace }) => trace.erases) as [Uint32Array, ...Uint32Array[]];
  return first.map((erases, block) => more.reduce((sum, each) => sum + (each[block] as number), erases));
}

function hash(text: string): number {
  let sum = 0;
  for (const letter of text) sum = (Math.imul(sum, 31) + letter.charCodeAt(0)) | 0;
  return sum >>> 0;
}
