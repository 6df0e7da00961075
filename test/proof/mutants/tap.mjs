// tap's assertions, as far as the tests use them, for tests that are run again and again in one process. Values are
// compared by tap's own comparer, so that what fails here fails there.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { match, same, strict } from 'tcompare';

/** Ends a test at its first failure. */
class Failed extends Error {}

function fill(folder, content) {
  for (const [name, what] of Object.entries(content)) {
    const path = join(folder, name);
    if (typeof what === 'string' || what instanceof Uint8Array) writeFileSync(path, what);
    else {
      mkdirSync(path);
      fill(path, what);
    }
  }
}

/** One test, or the top of a file. */
export class Test {
  /** Tests of the top that wait to be run: { name, options, body }. */
  children = [];
  /** The first failure, as text. */
  failure = null;
  #teardowns = [];
  #prepares = [];
  #pending = [];
  #queue = Promise.resolve();
  #folder = null;
  #isTop;
  #parent;

  constructor(isTop = false, parent = null) {
    this.#isTop = isTop;
    this.#parent = parent;
  }

  #result(ok, message) {
    if (ok) return true;
    this.noteFailure(message);
    throw new Failed(this.failure);
  }

  noteFailure(message) {
    this.failure ??= message;
    this.#parent?.noteFailure(message);
  }

  pass = () => true;
  comment = () => {};
  end = () => {};
  fail = (message = 'fail') => this.#result(false, `fail: ${told(message)}`);
  ok = (found, message = '') => this.#result(Boolean(found), `not truthy: ${message}`);
  notOk = (found, message = '') => this.#result(!found, `not falsy: ${message}`);
  equal = (found, wanted, message = '') =>
    this.#result(Object.is(found, wanted), `${brief(found)} is not ${brief(wanted)} ${message}`);
  not = (found, wanted, message = '') =>
    this.#result(!Object.is(found, wanted), `${brief(found)} ${message}`);
  same = (found, wanted, message = '') => this.#compared(same, found, wanted, message);
  notSame = (found, wanted, message = '') =>
    this.#result(!same(found, wanted).match, `the same, which it must not be ${message}`);
  strictSame = (found, wanted, message = '') => this.#compared(strict, found, wanted, message);
  match = (found, wanted, message = '') => this.#compared(match, found, wanted, message);
  notMatch = (found, wanted, message = '') =>
    this.#result(!match(found, wanted).match, `matches what it must not ${message}`);
  type = (found, wanted, message = '') =>
    this.#result(
      typeof wanted === 'function' ? found instanceof wanted : typeof found === wanted,
      `wrong type ${message}`,
    );

  #compared(compare, found, wanted, message) {
    const result = compare(found, wanted);
    return this.#result(result.match, `different ${message}`);
  }

  throws = (body, pattern, message = '') => {
    try {
      body();
    } catch (error) {
      return this.#thrown(error, pattern, message);
    }
    return this.#result(false, `nothing was thrown ${message}`);
  };

  doesNotThrow = (body, message = '') => {
    try {
      body();
    } catch (error) {
      return this.#result(false, `thrown: ${told(error)} ${message}`);
    }
    return true;
  };

  rejects = (promise, pattern, message = '') =>
    this.#wait(async () => {
      try {
        await (typeof promise === 'function' ? promise() : promise);
      } catch (error) {
        return this.#thrown(error, pattern, message);
      }
      return this.#result(false, `not rejected ${message}`);
    });

  resolves = (promise, message = '') =>
    this.#wait(async () => {
      try {
        await (typeof promise === 'function' ? promise() : promise);
      } catch (error) {
        return this.#result(false, `rejected: ${told(error)} ${message}`);
      }
      return true;
    });

  #thrown(error, pattern, message) {
    if (pattern === undefined || typeof pattern === 'string') return true;
    if (pattern instanceof RegExp)
      return this.#result(pattern.test(told(error)), `${told(error)} ${message}`);
    if (typeof pattern === 'function')
      return this.#result(error instanceof pattern, `${told(error)} ${message}`);
    const wanted =
      pattern instanceof Error ? { name: pattern.name, message: pattern.message, ...pattern } : pattern;
    return this.#result(
      match(error, wanted).match,
      `other error: ${error?.code ?? ''} ${told(error)} ${message}`,
    );
  }

  #wait(body) {
    const running = body();
    running.catch(() => {});
    this.#pending.push(running);
    return running;
  }

  teardown = (undo) => void this.#teardowns.unshift(undo);
  beforeEach = (prepare) => void this.#prepares.push(prepare);

  /** What must run before `body`, a test of this one, and `body`. */
  prepared = (body) => async (t) => {
    for (const prepare of this.#prepares) await prepare(t);
    return body(t);
  };

  testdir = (content = {}) => {
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true });
    this.#folder ??= mkdtempSync(join(tmpdir(), 'sluice-mutants-'));
    mkdirSync(this.#folder, { recursive: true });
    fill(this.#folder, content);
    return this.#folder;
  };

  test = (name, ...rest) => {
    const body = rest.findLast((part) => typeof part === 'function');
    const options = typeof rest[0] === 'object' ? rest[0] : {};
    if (body === undefined || (options.skip ?? false) !== false || (options.todo ?? false) !== false)
      return Promise.resolve(true);
    if (this.#isTop) {
      this.children.push({ name, body: this.prepared(body) });
      return Promise.resolve(true);
    }
    const running = this.#queue.then(async () => {
      const child = new Test(false, this);
      await child.run(this.prepared(body));
      return child.failure === null;
    });
    this.#queue = running;
    return running;
  };

  /** Runs a test to its end; `failure` says how it went. */
  async run(body) {
    try {
      await body(this);
    } catch (error) {
      this.noteFailure(`thrown: ${told(error)}`);
    }
    await this.finish();
  }

  async finish() {
    await this.#queue;
    await Promise.allSettled(this.#pending);
    for (const undo of this.#teardowns) {
      try {
        await undo();
      } catch (error) {
        this.noteFailure(`teardown: ${told(error)}`);
      }
    }
    this.#teardowns = [];
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
  }
}

function told(value) {
  return value instanceof Error ? value.message : String(value);
}

function brief(value) {
  return typeof value === 'object' ? 'an object' : String(value).slice(0, 80);
}
