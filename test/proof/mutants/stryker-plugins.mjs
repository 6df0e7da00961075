// What Stryker needs to know of this repository: how the tests are run (suite.mjs), and which code is not mutated.
import { createHash } from 'node:crypto';
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { PluginKind, declareClassPlugin, declareValuePlugin } from '@stryker-mutator/api/plugin';
import { DryRunStatus, MutantRunStatus, TestStatus } from '@stryker-mutator/api/test-runner';
import { Suite, THOROUGH } from './suite.mjs';

/** In Stryker's copy of the repository, where its build command puts the tests. */
const FOLDER = 'mutants';
const NOTES = `${FOLDER}/notes.json`;

const TRUST_TESTS =
  /^test\/(conformance\/trust|unit\/core\/(trust\/|update\/(session-single|plan\/|check\/))|spec\/proves-before-it-erases)/;

/** Seconds of processor time for which no test keeps this process from its timers, but one that loops for ever. */
const LONGEST_SILENCE = 10;

/**
 * Ends this process when its main thread is silent for too long. Stryker's own time-out has room for all tests of a
 * mutant, which is minutes; it starts another process and asks again, and is then told what has happened. Counted in
 * processor time, as on a busy machine any stretch may take long.
 */
function watch() {
  const beats = new Int32Array(new SharedArrayBuffer(4));
  setInterval(() => Atomics.add(beats, 0, 1), 250).unref();
  const code = `
    const { workerData: { beats, longest } } = require('node:worker_threads');
    let last = -1;
    let since = 0;
    setInterval(() => {
      const { user, system } = process.cpuUsage();
      const now = Atomics.load(beats, 0);
      if (now !== last) since = user + system;
      else if (user + system - since > longest * 1e6) process.kill(process.pid, 'SIGKILL');
      last = now;
    }, 1000);`;
  new Worker(code, { eval: true, workerData: { beats, longest: LONGEST_SILENCE } }).unref();
}

/** Results by mutant, in a file of their own for each build: another source or another test makes another one. */
class Kept {
  #path;
  #results = new Map();

  constructor(folder) {
    const hash = createHash('sha256');
    for (const name of readdirSync(folder).sort())
      if (name.endsWith('.js')) hash.update(readFileSync(join(folder, name)));
    const name = `results-${hash.digest('hex').slice(0, 16)}.jsonl`;
    this.#path = join(import.meta.dirname, '../../../node_modules/.cache/stryker', name);
    if (!existsSync(this.#path)) return;
    for (const line of readFileSync(this.#path, 'utf8').split('\n')) {
      if (!line.endsWith('}')) continue;
      const { id, result } = JSON.parse(line);
      this.#results.set(id, result);
    }
  }

  get(id) {
    return this.#results.get(id);
  }

  set(id, result) {
    appendFileSync(this.#path, `${JSON.stringify({ id, result })}\n`);
  }
}

/** Runs the bundled tests in the worker itself; a test of Stryker's is a test at the top of a file. */
class SluiceRunner {
  #suite = new Suite(FOLDER);
  #started = null;
  /** From the dry run: how long each test takes, and which mutants are passed while a file is loaded. */
  #times = null;
  #atLoad = new Set();
  /** Files that are loaded, and of which no test has failed since. */
  #loaded = new Map();
  #known = null;
  /** How often each file has caught a mutant of each source: those go first. */
  #killers = new Map();

  capabilities() {
    // Each run loads the tests anew.
    return { reloadEnvironment: true };
  }

  async init() {
    this.#started ??= this.#suite.start();
    await this.#started;
  }

  async dryRun() {
    const space = this.#space();
    const tests = [];
    const times = {};
    const atLoad = new Set();
    const perTest = {};
    space.mutantCoverage = { static: {}, perTest };
    for (const file of this.#suite.files) {
      const loading = `load ${file}`;
      space.currentTestId = loading;
      const top = await this.#suite.load(file);
      const ids = top.children.map(({ name }) => `${file} > ${name}`);
      for (const [index, id] of ids.entries()) {
        space.currentTestId = id;
        const { failure, hangs, ms } = await this.#suite.run(top, index);
        times[id] = ms;
        const common = { id, name: id, timeSpentMs: ms, fileName: file };
        if (failure === null && !hangs) tests.push({ ...common, status: TestStatus.Success });
        else tests.push({ ...common, status: TestStatus.Failed, failureMessage: failure ?? 'hangs' });
      }
      // What runs while the file is loaded may show in any of its tests.
      for (const id of ids) {
        perTest[id] ??= {};
        for (const [mutant, count] of Object.entries(perTest[loading] ?? {}))
          perTest[id][mutant] = (perTest[id][mutant] ?? 0) + count;
      }
      for (const mutant of Object.keys(perTest[loading] ?? {})) atLoad.add(mutant);
      delete perTest[loading];
    }
    space.currentTestId = undefined;
    writeFileSync(NOTES, JSON.stringify({ times, atLoad: [...atLoad] }));
    return { status: DryRunStatus.Complete, tests, mutantCoverage: space.mutantCoverage };
  }

  /** Stryker keeps nothing of a run that is cut off: what the same mutants of the same build came to, is kept here. */
  async mutantRun(options) {
    const { id } = options.activeMutant;
    this.#known ??= new Kept(FOLDER);
    const known = this.#known.get(id);
    // With the sweeps, which come through it too, it may be seen now.
    const again = THOROUGH && known?.status === MutantRunStatus.Survived;
    if (known !== undefined && !again) return known;
    const result = await this.#tryMutant(options);
    this.#known.set(id, result);
    return result;
  }

  async #tryMutant({ testFilter, activeMutant, hitLimit, sandboxFileName }) {
    if (this.#times === null) {
      watch();
      const { times, atLoad } = JSON.parse(readFileSync(NOTES, 'utf8'));
      this.#times = times;
      this.#atLoad = new Set(atLoad);
    }
    const space = this.#space();
    space.mutantCoverage = undefined;
    space.currentTestId = undefined;
    space.activeMutant = activeMutant.id;
    space.hitCount = hitLimit === undefined ? undefined : 0;
    space.hitLimit = hitLimit;
    let count = 0;
    // Left over by a process that this mutant has ended.
    const mark = `${FOLDER}/running-${activeMutant.id}`;
    if (existsSync(mark)) return { status: MutantRunStatus.Timeout, reason: 'an endless loop' };
    writeFileSync(mark, '');
    try {
      for (const { file, ids } of this.#order(testFilter, sandboxFileName)) {
        let top;
        try {
          top = await this.#topOf(file, activeMutant.id);
        } catch (error) {
          return this.#killed(
            file,
            sandboxFileName,
            [...ids][0] ?? file,
            `load: ${error?.message}`,
            count + 1,
          );
        }
        for (const [index, { name }] of top.children.entries()) {
          const id = `${file} > ${name}`;
          if (ids !== null && !ids.has(id)) continue;
          count++;
          this.#loaded.delete(file);
          const { failure, hangs } = await this.#suite.run(top, index, this.#times[id]);
          if (space.hitLimit !== undefined && space.hitCount > space.hitLimit)
            return { status: MutantRunStatus.Timeout, reason: 'an endless loop' };
          if (failure !== null) return this.#killed(file, sandboxFileName, id, failure, count);
          if (hangs) {
            // A loop that goes on would slow down all that follows.
            const { user } = process.cpuUsage();
            await new Promise((resolve) => setTimeout(resolve, 200));
            if (process.cpuUsage().user - user > 20_000) process.kill(process.pid, 'SIGKILL');
            return { status: MutantRunStatus.Timeout, reason: `${id} hangs` };
          }
        }
        if (!this.#atLoad.has(activeMutant.id)) this.#loaded.set(file, top);
      }
    } finally {
      space.activeMutant = undefined;
      rmSync(mark);
    }
    return { status: MutantRunStatus.Survived, nrOfTests: count };
  }

  /** A file that was loaded before, unless what it does when it is loaded is mutated, or a mutant has failed in it. */
  async #topOf(file, mutant) {
    if (this.#atLoad.has(mutant)) return this.#suite.load(file);
    return this.#loaded.get(file) ?? this.#suite.load(file);
  }

  #space() {
    return (globalThis.__stryker__ ??= {});
  }

  #killed(file, source, id, failureMessage, nrOfTests) {
    const key = `${source} ${file}`;
    this.#killers.set(key, (this.#killers.get(key) ?? 0) + 1);
    return { status: MutantRunStatus.Killed, killedBy: [id], failureMessage, nrOfTests };
  }

  /** The files of the tests that are asked for: those first that are quick and have caught much. */
  #order(filter, source) {
    const byFile = new Map();
    for (const id of filter ?? Object.keys(this.#times)) {
      const [file] = id.split(' > ');
      // Sessions run through all of trust/, but what it decides is seen by its own tests, in a tenth of the time.
      if (!THOROUGH && source.includes('/src/core/trust/') && !TRUST_TESTS.test(file)) continue;
      if (!byFile.has(file)) byFile.set(file, { file, ids: new Set(), cost: 1 });
      const entry = byFile.get(file);
      entry.ids.add(id);
      entry.cost += this.#times[id] ?? 100;
    }
    const rank = ({ file, cost }) => cost / (1 + (this.#killers.get(`${source} ${file}`) ?? 0));
    return [...byFile.values()].sort((a, b) => rank(a) - rank(b));
  }
}

/** Functions whose texts become messages. */
const TELLERS = new Set(['misuse', 'changedMember', 'wrong', 'lengthChanged']);
const tells = ({ node, parent }) =>
  (node.type === 'StringLiteral' || node.type === 'TemplateLiteral') &&
  parent?.type === 'CallExpression' &&
  TELLERS.has(parent.callee.name ?? parent.callee.property?.id?.name ?? '');

/** Messages: tests match on codes, and what a message says is for people. */
const isMessage = ({ node, parent }) =>
  tells({ node, parent }) ||
  (parent?.type === 'NewExpression' &&
    parent.callee.name === 'SluiceError' &&
    parent.arguments[1] === node) ||
  (parent?.type === 'OptionalCallExpression' &&
    parent.callee.property?.name === 'warn' &&
    parent.callee !== node);

/** Codes of errors: the compiler refuses any other text in their place. */
const isCode = ({ node }) => node.type === 'StringLiteral' && node.value.startsWith('ERR_');

const ignored = (path) => {
  if (isMessage(path)) return 'a message for people; tests match on codes';
  if (isCode(path)) return 'does not compile';
  return undefined;
};

export const strykerPlugins = [
  declareClassPlugin(PluginKind.TestRunner, 'sluice', SluiceRunner),
  declareValuePlugin(PluginKind.Ignore, 'sluice-messages', { shouldIgnore: ignored }),
];
