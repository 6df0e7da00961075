// What Stryker needs to know of this repository: how the tests are run (suite.mjs), and which code is not mutated.
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { PluginKind, declareClassPlugin, declareValuePlugin } from '@stryker-mutator/api/plugin';
import { DryRunStatus, MutantRunStatus, TestStatus } from '@stryker-mutator/api/test-runner';
import { Suite, THOROUGH } from './suite.mjs';

/** In Stryker's copy of the repository, where its build command puts the tests. */
const FOLDER = 'mutants';
const TIMES = `${FOLDER}/times.json`;

const TRUST_TESTS = /^test\/(unit\/(trust-|update-(plan|single|check-pass))|sim\/session-(minimal|mixups))/;

/** No test keeps this process from its timers for so long, but one whose mutant loops for ever. */
const LONGEST_SILENCE = 25_000;

/**
 * Ends this process when its main thread is silent for too long. Stryker's own time-out has room for all tests of a
 * mutant, which is minutes; it starts another process and asks again, and is then told what has happened.
 */
function watch() {
  const beats = new Int32Array(new SharedArrayBuffer(4));
  setInterval(() => Atomics.add(beats, 0, 1), 250).unref();
  const code = `
    const { workerData: { beats, silence } } = require('node:worker_threads');
    let last = -1;
    setInterval(() => {
      const now = Atomics.load(beats, 0);
      if (now === last) process.kill(process.pid, 'SIGKILL');
      last = now;
    }, silence);`;
  new Worker(code, { eval: true, workerData: { beats, silence: LONGEST_SILENCE } }).unref();
}

/** Runs the bundled tests in the worker itself; a test of Stryker's is a test at the top of a file. */
class SluiceRunner {
  #suite = new Suite(FOLDER);
  #started = null;
  #times = null;
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
      delete perTest[loading];
    }
    space.currentTestId = undefined;
    writeFileSync(TIMES, JSON.stringify(times));
    return { status: DryRunStatus.Complete, tests, mutantCoverage: space.mutantCoverage };
  }

  async mutantRun({ testFilter, activeMutant, hitLimit, sandboxFileName }) {
    if (this.#times === null) watch();
    if (this.#times === null) this.#times = existsSync(TIMES) ? JSON.parse(readFileSync(TIMES, 'utf8')) : {};
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
          top = await this.#suite.load(file);
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
      }
    } finally {
      space.activeMutant = undefined;
      rmSync(mark);
    }
    return { status: MutantRunStatus.Survived, nrOfTests: count };
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
      if (!THOROUGH && source.includes('/src/trust/') && !TRUST_TESTS.test(file)) continue;
      if (!byFile.has(file)) byFile.set(file, { file, ids: new Set(), cost: 1 });
      const entry = byFile.get(file);
      entry.ids.add(id);
      entry.cost += this.#times[id] ?? 100;
    }
    const rank = ({ file, cost }) => cost / (1 + (this.#killers.get(`${source} ${file}`) ?? 0));
    return [...byFile.values()].sort((a, b) => rank(a) - rank(b));
  }
}

/** Messages: tests match on codes, and what a message says is for people. */
const isMessage = ({ node, parent }) =>
  (parent?.type === 'NewExpression' &&
    parent.callee.name === 'SluiceError' &&
    parent.arguments[1] === node) ||
  (parent?.type === 'OptionalCallExpression' &&
    parent.callee.property?.name === 'warn' &&
    parent.callee !== node);

export const strykerPlugins = [
  declareClassPlugin(PluginKind.TestRunner, 'sluice', SluiceRunner),
  declareValuePlugin(PluginKind.Ignore, 'sluice-messages', {
    shouldIgnore: (path) => (isMessage(path) ? 'a message for people; tests match on codes' : undefined),
  }),
];
