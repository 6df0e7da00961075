// Runs the scripts of build.mjs: a test file can be loaded anew whenever something may be left in it, and with a mutant
// in force from its first line on, so that constants of modules can be mutated too.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import vm from 'node:vm';
import { Test } from './tap.mjs';

/** Generated cases of a property, at most: a mutant that needs more luck than this to be seen is not seen. */
const PROPERTY_RUNS = 25;

/**
 * A test hangs when nothing has happened for so many milliseconds (it awaits what will never come), or when it has used
 * so much more processor time than it does. Time on the clock says little where others use the machine.
 */
const IDLE = 2500;
const PATIENCE = { factor: 6, ms: 3000 };

/** Processor time of this process, in milliseconds. */
const used = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

/**
 * Sweeps of half a second and more, of which smaller ones are kept. Without them a mutant that survives costs a few
 * seconds and not two minutes. Those that survived are tried once more with all of them: SLUICE_MUTANTS=thorough.
 */
const SWEEPS = [
  'under before-commit a flipped bit anywhere leaves the gates shut',
  'a source that ends early, at any byte, commits nothing',
  'a second reading that differs in any member from the first one is refused',
  'every algorithm carries a whole bundle, in stock and in proven form',
  'a session can be aborted between any two writes; nothing is done after that',
  'after a failure no operation begins, and neither end nor abort commits',
  'blocks of the index and of the flash in all ratios, and images that end around their edges',
  /a signal stops it before any operation, truthfully, and a second run finishes$/,
  'wherever the kernel fails, it holds the old content, the new one, or cannot be read',
  /: an erase, program or read that fails once is tried again$/,
  /^(before-.*|unsigned.* NAND): the power may go at any operation$/,
  /^(proven|proven and gzip|unsigned) on (NOR|NAND): every splitting/,
  'stock before commit on NAND: every splitting of the stream gives the same receipt and the same chip',
  /both readings may be split in any way$/,
];
export const THOROUGH = process.env.SLUICE_MUTANTS === 'thorough';
const isSweep = (name) => SWEEPS.some((each) => (typeof each === 'string' ? each === name : each.test(name)));

export class Suite {
  #folder;
  #files;
  #loads = new Map();
  #get = null;
  /** Set while a test runs: what to do with a rejection that nobody awaits. */
  #stray = null;

  constructor(folder) {
    this.#folder = folder;
    const { shared, files } = JSON.parse(readFileSync(join(folder, 'suite.json'), 'utf8'));
    this.#files = new Map(files.map(({ name, script }) => [name, script]));
    this.sharedNames = shared;
  }

  get files() {
    return [...this.#files.keys()];
  }

  /** @param {Suite | null} base - one that is started: its shared modules are used */
  async start(base = null) {
    if (base !== null) {
      this.#get = base.#get;
      for (const [name, script] of this.#files)
        this.#loads.set(name, vm.runInThisContext(this.#text(script), { filename: script }));
      return;
    }
    const stray = (error) => {
      if (this.#stray === null) throw error;
      this.#stray(error);
    };
    process.on('unhandledRejection', stray);
    process.on('uncaughtException', stray);
    const packages = new Map([['tap', { default: null }]]);
    const load = async (text) => {
      for (const [, name] of text.matchAll(/\$get\("([^"]+)"\)/g)) {
        if (!packages.has(name) && !name.startsWith('shared:')) packages.set(name, await replaced(name));
      }
    };
    const text = this.#text('shared.js');
    await load(text);
    const modules = await vm.runInThisContext(text, { filename: 'shared.js' })(
      (name) => packages.get(name),
      (name) => import(name),
    );
    this.sharedNames.forEach((name, at) => packages.set(`shared:${name}`, modules[`m${at}`]));
    for (const [name, script] of this.#files) {
      const text = this.#text(script);
      await load(text);
      this.#loads.set(name, vm.runInThisContext(text, { filename: script }));
    }
    this.#get = (name) => packages.get(name);
  }

  #text(name) {
    return readFileSync(join(this.#folder, name), 'utf8');
  }

  /**
   * Loads a test file anew.
   * @param sweeps - with the tests that take long
   */
  async load(file, sweeps = THOROUGH) {
    const top = new Test(true);
    const get = (name) => (name === 'tap' ? { default: top } : this.#get(name));
    await this.#loads.get(file)(get, (name) => Promise.resolve(this.#get(name) ?? import(name)));
    if (!sweeps) top.children = top.children.filter(({ name }) => !isSweep(name));
    return top;
  }

  /**
   * Runs one test of a file that is loaded.
   * @param usual - milliseconds of processor time that it takes
   * @returns {Promise<{ failure: string | null, hangs: boolean, ms: number }>} ms of processor time
   */
  async run(top, index, usual = 5000) {
    const { body } = top.children[index];
    const test = new Test(false);
    const started = used();
    let timer;
    const alarm = new Promise((resolve) => {
      let before = started;
      timer = setInterval(() => {
        const now = used();
        if (now - before < 10 || now - started > usual * PATIENCE.factor + PATIENCE.ms) resolve(true);
        before = now;
      }, IDLE);
      this.#stray = (error) => {
        test.noteFailure(`unhandled: ${error?.message}`);
        resolve(false);
      };
    });
    const hangs = await Promise.race([test.run(body).then(() => false), alarm]);
    clearInterval(timer);
    this.#stray = null;
    return { failure: test.failure, hangs, ms: used() - started };
  }
}

/** A package as the tests get it. */
async function replaced(name) {
  const module = await import(name);
  if (name === 'fast-check') {
    const { default: fc } = module;
    const assert = (property, options = {}) =>
      fc.assert(property, {
        ...options,
        numRuns: Math.min(options.numRuns ?? 100, PROPERTY_RUNS),
        seed: 1,
        endOnFailure: true,
      });
    return { ...module, default: { ...fc, assert } };
  }
  // Making a key takes a tenth of a second. The same command makes the same key for all mutants.
  if (name === 'node:child_process') {
    const made = new Map();
    const quick = (command, args, options) => {
      if (command !== 'openssl' || (args[0] !== 'genpkey' && args[0] !== 'pkey'))
        return execFileSync(command, args, options);
      const id = args.join(' ');
      if (!made.has(id)) made.set(id, execFileSync(command, args, options));
      return made.get(id);
    };
    return { ...module, execFileSync: quick };
  }
  return module;
}
