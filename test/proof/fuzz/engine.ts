/**
 * A small fuzzer: changes inputs that are known, keeps those that come to something new (another outcome, or blocks
 * of the source that never ran before), and asks of every run that it ends as the table of errors says, in time and
 * in little memory. What else must hold each target asks by itself.
 */
import { SluiceError } from '../../../src/core/errors.js';
import type { Coverage } from './coverage.js';
import { Mutator } from './mutate.js';
import { Random } from './random.js';
import { Finding, type FuzzTarget } from './target.js';

/** Runs between two looks at the coverage, and at the memory. */
const BATCH = 512;

/** Inputs that are kept in a walk, and kinds of outcomes that are told apart. */
const KEPT = 1024;

const BOUND = 50;
const MEMORY = 8 * 1024 * 1024;
const LONGEST = 4096;

export interface FuzzOptions {
  readonly runs: number;
  readonly seed: number;
  /** Inputs of earlier walks. */
  readonly corpus?: readonly Uint8Array[];
  readonly coverage?: Coverage | null;
  /** Runs for which the coverage is looked at; later ones are told apart by their outcome only, as that is faster. */
  readonly covered?: number;
  /** Ends the walk after so many findings. @default 5 */
  readonly findings?: number;
}

export interface FoundInput {
  readonly input: Buffer;
  readonly what: string;
}

export interface FuzzResult {
  readonly name: string;
  readonly runs: number;
  readonly seed: number;
  readonly seconds: number;
  /** How often each code came, `taken` among them. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Blocks of source that have run; null where nobody looked. */
  readonly blocks: number | null;
  /** Inputs worth to be kept, the shortest of their kind. */
  readonly corpus: readonly Buffer[];
  readonly findings: readonly FoundInput[];
}

/** Walks. */
export async function fuzz(target: FuzzTarget, options: FuzzOptions): Promise<FuzzResult> {
  const walk = new Walk(target, options);
  return walk.go();
}

/** Runs one input. @returns its kind. @throws Finding */
export async function runOnce(target: FuzzTarget, input: Uint8Array, state: number): Promise<string> {
  // A copy in memory of its own, so that nobody reads on behind it; and the parser must not keep or change it.
  const bytes = Buffer.alloc(input.length);
  bytes.set(input);
  try {
    return `taken ${await target.run(bytes, new Random(state))}`;
  } catch (thrown) {
    if (thrown instanceof Finding) throw thrown;
    if (!(thrown instanceof SluiceError)) {
      const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
      throw new Finding(`not a SluiceError: ${text.split('\n').slice(0, 3).join(' | ')}`);
    }
    if (!target.codes.includes(thrown.code) || thrown.code === 'ERR_SESSION_INTERNAL') {
      throw new Finding(`${thrown.code} is none of its codes: ${thrown.message}`);
    }
    return `${thrown.code} ${kindOf(thrown.message)}`;
  }
}

/** A message without what differs from case to case. */
const kindOf = (message: string): string =>
  message
    .replace(/"(?:[^"\\]|\\.)*"(?:\.\.\.)?/g, 'Q')
    .replace(/\d+/g, 'N')
    .slice(0, 120);

class Walk {
  readonly #target: FuzzTarget;
  readonly #options: FuzzOptions;
  readonly #random: Random;
  readonly #mutator: Mutator;
  /** The shortest input of each kind. */
  readonly #kinds = new Map<string, Buffer>();
  /** Those that reached something new. */
  readonly #reached: Buffer[] = [];
  readonly #pool: Buffer[];
  readonly #outcomes: Record<string, number> = {};
  readonly #findings: FoundInput[] = [];
  readonly #known = new Set<string>();
  #runs = 0;

  constructor(target: FuzzTarget, options: FuzzOptions) {
    this.#target = target;
    this.#options = options;
    this.#random = new Random(options.seed);
    this.#mutator = new Mutator(this.#random, target.dictionary ?? [], target.longest ?? LONGEST);
    this.#pool = [...target.seeds, ...(options.corpus ?? [])].map((seed) => Buffer.from(seed));
  }

  async go(): Promise<FuzzResult> {
    // Most inputs are refused, and making their stacks would take most of the time.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    try {
      return await this.#walk();
    } finally {
      Error.stackTraceLimit = stackTraceLimit;
    }
  }

  async #walk(): Promise<FuzzResult> {
    const { runs, seed, coverage = null, covered = runs, findings = 5 } = this.#options;
    const began = performance.now();
    for (const input of this.#pool.slice()) await this.#try(input, this.#random.state);
    coverage?.take();
    let looks = coverage !== null;
    while (this.#runs < runs && this.#findings.length < findings) {
      const batch: (readonly [Buffer, number])[] = [];
      const before = memory();
      const count = Math.min(BATCH, runs - this.#runs);
      for (let i = 0; i < count; i++) {
        const input = this.#next();
        const state = this.#random.state;
        batch.push([input, state]);
        await this.#try(input, state);
      }
      if (memory() - before > 4 * (this.#target.memory ?? MEMORY)) await this.#weigh(batch);
      if (looks) await this.#lookUp(batch, coverage as Coverage);
      if (looks && this.#runs >= covered) {
        looks = false;
        coverage?.stop();
      }
    }
    return {
      name: this.#target.name,
      runs: this.#runs,
      seed,
      seconds: (performance.now() - began) / 1000,
      outcomes: this.#outcomes,
      blocks: coverage?.size ?? null,
      corpus: [
        ...new Map(
          [...this.#kinds.values(), ...this.#reached].map((it) => [it.toString('latin1'), it]),
        ).values(),
      ],
      findings: this.#findings,
    };
  }

  #next(): Buffer {
    const random = this.#random;
    const bytes = this.#mutator.mutate(random.of(this.#pool), this.#pool);
    const { mend } = this.#target;
    return mend === undefined || random.below(4) === 0 ? bytes : mend(bytes, random);
  }

  async #try(input: Buffer, state: number): Promise<void> {
    this.#runs++;
    let kind: string;
    const began = performance.now();
    try {
      kind = await runOnce(this.#target, input, state);
    } catch (thrown) {
      return this.#explain(input, state, (thrown as Error).message);
    }
    if (performance.now() - began > (this.#target.bound ?? BOUND)) await this.#time(input, state);
    const [outcome = ''] = kind.split(' ', 1);
    this.#outcomes[outcome] = (this.#outcomes[outcome] ?? 0) + 1;
    const known = this.#kinds.get(kind);
    if (known !== undefined && known.length <= input.length) return undefined;
    if (known === undefined && this.#kinds.size >= KEPT) return undefined;
    this.#kinds.set(kind, input);
    if (this.#pool.length < KEPT) this.#pool.push(input);
    return undefined;
  }

  /** Which inputs of a batch have reached what nobody had reached before. */
  async #lookUp(batch: readonly (readonly [Buffer, number])[], coverage: Coverage): Promise<void> {
    const { fresh } = coverage.take();
    if (fresh.size > 0) await this.#bisect(batch, fresh, coverage);
  }

  /** Looking at the coverage takes longer than a run: the batch is halved until the input is found. */
  async #bisect(
    batch: readonly (readonly [Buffer, number])[],
    fresh: Set<string>,
    coverage: Coverage,
  ): Promise<void> {
    for (const [input, state] of batch) await runOnce(this.#target, input, state).catch(() => {});
    const found = [...coverage.take().ran].filter((block) => fresh.has(block));
    if (found.length === 0) return;
    if (batch.length > 1) {
      const half = batch.length >> 1;
      await this.#bisect(batch.slice(0, half), fresh, coverage);
      if (fresh.size > 0) await this.#bisect(batch.slice(half), fresh, coverage);
      return;
    }
    const [[input] = [Buffer.alloc(0)]] = batch;
    for (const block of found) fresh.delete(block);
    if (this.#reached.length < KEPT) this.#reached.push(input);
    if (this.#pool.length < KEPT) this.#pool.push(input);
  }

  /** On a busy machine anything may be slow once. */
  async #time(input: Buffer, state: number): Promise<void> {
    const bound = this.#target.bound ?? BOUND;
    let least = Infinity;
    for (let i = 0; i < 4; i++) {
      const began = process.cpuUsage();
      await runOnce(this.#target, input, state).catch(() => {});
      const { user, system } = process.cpuUsage(began);
      least = Math.min(least, (user + system) / 1000);
    }
    if (least > bound) this.#find(input, `it took ${Math.round(least)} ms`);
  }

  async #weigh(batch: readonly (readonly [Buffer, number])[]): Promise<void> {
    for (const [input, state] of batch) {
      globalThis.gc?.();
      const before = memory();
      await runOnce(this.#target, input, state).catch(() => {});
      const took = memory() - before;
      if (took > (this.#target.memory ?? MEMORY)) this.#find(input, `it took ${took} bytes of memory`);
    }
  }

  async #explain(input: Buffer, state: number, what: string): Promise<void> {
    Error.stackTraceLimit = 10;
    const told = await runOnce(this.#target, input, state).then(
      () => `${what} (the first time only)`,
      (thrown: unknown) => (thrown as Error).message,
    );
    Error.stackTraceLimit = 0;
    this.#find(input, told);
  }

  #find(input: Buffer, what: string): void {
    const kind = kindOf(what);
    if (this.#known.has(kind)) return;
    this.#known.add(kind);
    this.#findings.push({ input, what });
  }
}

const memory = (): number => process.memoryUsage().arrayBuffers;
