/**
 * Scenarios with the program as it is installed, in a process of its own, sampled from outside. Its chip is in a file
 * and takes no time, so what is measured is the program.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createSimChip } from '../src/host/node/flash/sim-file/target.js';
import {
  generateBundle,
  imagePieces,
  type GeneratedBundle,
  type ImageSpec,
} from '../test/kit/generated-bundle.js';
import { GC_RECORDER, readCollections, type Collections } from './collections.js';
import { makeFifo, openFifo } from './fifo.js';
import { whenIdle, type Memory } from './sampler.js';
import { eraseSizeOf, imagesOf, type Scenario } from './scenario.js';
import { layoutOf, MACHINE } from './update.js';
import { WAYS, type Found, type Task } from './ways.js';
import { writeKeyStore } from '../test/kit/keys.js';

/** As it is installed: its launcher sets what V8 takes at its start only. */
export const PROGRAM = 'dist/bin/sluice';

/** What one run of a scenario took. */
export interface ProgramRun extends Found {
  readonly collections: Collections | null;
}

/** The flash, keys and folder that scenarios run with. */
export class Site {
  readonly #folder: string;
  readonly #keys: string;
  /** What a waiting program takes; of use where a source cannot wait. */
  #idle: Memory | null = null;

  constructor(folder: string) {
    this.#folder = folder;
    this.#keys = writeKeyStore(join(folder, 'keys'));
  }

  /** @param recorded - with collections counted, which takes memory: such a run is not for figures of memory */
  async run(scenario: Scenario, recorded = false): Promise<ProgramRun> {
    const { before, after } = imagesOf(scenario);
    const { bundle: kind } = scenario;
    const bundle = generateBundle({ images: [after], block: eraseSizeOf(scenario), kind });
    return this.write(`sim:${this.#chip(scenario, before)}`, bundle, scenario, recorded);
  }

  /**
   * Writes a bundle to a flash address.
   * @throws Error when it does not end in a commit: what failed is not worth a figure
   */
  async write(
    flash: string,
    bundle: GeneratedBundle,
    scenario: Omit<Task['scenario'], 'partition'> & { readonly partition?: string },
    recorded = false,
  ): Promise<ProgramRun> {
    const state = join(this.#folder, 'state');
    rmSync(state, { recursive: true, force: true });
    const words = ['--flash', flash, '--keys', this.#keys, '--machine', MACHINE, '--state', state];
    const env = { ...process.env, SLUICE_NODE: process.execPath, NODE_OPTIONS: '' };
    const log = join(this.#folder, 'collections');
    rmSync(log, { force: true });
    if (recorded) {
      const recorder = join(this.#folder, 'recorder.cjs');
      writeFileSync(recorder, GC_RECORDER);
      Object.assign(env, { NODE_OPTIONS: `--require ${recorder}`, SLUICE_BENCH_GC: log });
    }
    const start: Task['start'] = (args, input = null) => {
      const line = input === null ? 'exec "$@"' : 'exec "$@" < "$0"';
      // The shell becomes the program: it is one process.
      const words = ['-c', line, input ?? 'sh', PROGRAM, ...args];
      return spawn('sh', words, { env, stdio: ['ignore', 'pipe', 'pipe'] });
    };
    const idle = (): Promise<Memory> => this.#waiting(start, words);
    const folder = this.#folder;
    const found = await WAYS[scenario.source]({
      start,
      bundle,
      scenario: { partition: 'rofs', ...scenario },
      words,
      folder,
      idle,
    });
    if (scenario.source === 'pipe') this.#idle = found.idle;
    const { outcome, message } = found.receipt;
    if (outcome !== 'committed') throw new Error(`an update by ${scenario.source} failed: ${message}`);
    return { ...found, collections: recorded ? readCollections(log) : null };
  }

  /** Anonymous memory of the program as it waits, once some run has seen that; bytes. */
  get idle(): Memory | null {
    return this.#idle;
  }

  /** What the program takes that waits for its first byte. */
  async #waiting(start: Task['start'], words: readonly string[]): Promise<Memory> {
    if (this.#idle !== null) return this.#idle;
    const fifo = makeFifo(this.#folder);
    const child = start(['write', '-', '--json', ...words], fifo);
    const closed = once(child, 'close');
    const pipe = await openFifo(fifo, child);
    this.#idle = await whenIdle(child.pid as number);
    child.kill('SIGKILL');
    await closed;
    await pipe.close();
    return this.#idle;
  }

  #chip(scenario: Scenario, before: ImageSpec): string {
    const path = join(this.#folder, 'chip.bin');
    rmSync(path, { force: true });
    rmSync(`${path}.json`, { force: true });
    const eraseSize = eraseSizeOf(scenario);
    const size = Math.ceil(before.size / eraseSize) * eraseSize;
    const { type, timing, scale = 0 } = scenario.chip;
    createSimChip(path, {
      layout: layoutOf(size),
      type,
      eraseSize,
      ...(scale > 0 && timing !== null ? { timing, scale } : {}),
      ...(type === 'nor' ? {} : { writeSize: 2048 }),
    });
    const fd = openSync(path, 'r+');
    let at = 0;
    for (const piece of imagePieces(before)) at += writeSync(fd, piece, 0, piece.length, at);
    closeSync(fd);
    return path;
  }
}
