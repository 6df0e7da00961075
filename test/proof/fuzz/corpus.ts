import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Inputs of one target that are kept; larger ones come again by themselves. */
const KEPT = 40;
const LARGEST = 2048;

/** Files of inputs: `test/proof/fuzz/corpus/NAME/`. Those called `finding-*` have once been one, and stay. */
export class Corpus {
  readonly #folder: string;

  constructor(root: string, name: string) {
    this.#folder = join(root, name);
  }

  /** All inputs, in the order of their names. */
  load(): { readonly name: string; readonly bytes: Buffer }[] {
    if (!existsSync(this.#folder)) return [];
    return readdirSync(this.#folder)
      .sort()
      .map((name) => ({ name, bytes: readFileSync(join(this.#folder, name)) }));
  }

  /** Keeps the shortest of `inputs` beside those that are there, up to a number. @returns how many are there then */
  add(inputs: readonly Buffer[]): number {
    mkdirSync(this.#folder, { recursive: true });
    const have = new Set(this.load().map(({ name }) => name));
    const fitting = inputs.filter(({ length }) => length <= LARGEST).sort((a, b) => a.length - b.length);
    // Evenly over all lengths: the shortest alone would all be refused at their first byte.
    const step = Math.max(1, fitting.length / KEPT);
    for (let at = 0; at < fitting.length && have.size < KEPT; at += step) {
      const bytes = fitting[Math.floor(at)] as Buffer;
      const name = nameOf(bytes);
      if (!have.has(name)) writeFileSync(join(this.#folder, name), bytes);
      have.add(name);
    }
    return have.size;
  }

  addFinding(input: Buffer): string {
    mkdirSync(this.#folder, { recursive: true });
    const path = join(this.#folder, `finding-${nameOf(input)}`);
    writeFileSync(path, input);
    return path;
  }
}

const nameOf = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex').slice(0, 12);
