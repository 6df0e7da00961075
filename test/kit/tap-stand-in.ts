/**
 * The few methods of tap that the conformance suite uses, printing TAP 14, in a few kilobytes and with no
 * import but node's own: tap itself is bundled badly, and is heavy for an emulated board. esbuild puts it in tap's
 * place (test/kit/suite-bundle.ts), so what is here must behave as tap does.
 */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';

type Body = (t: Test) => unknown;
interface TestOptions {
  readonly skip?: boolean | string;
  readonly todo?: boolean | string;
}
type Pattern = Readonly<Record<string, unknown>> | RegExp;

const INDENT = '    ';

/** Whether `found` has what `pattern` asks for: regular expressions match, objects hold at least its keys. */
function matches(found: unknown, pattern: unknown): boolean {
  if (pattern instanceof RegExp) return pattern.test(String(found));
  if (typeof pattern === 'string' && typeof found === 'string') return found.includes(pattern);
  if (typeof pattern === 'function') return found instanceof pattern;
  if (typeof pattern !== 'object' || pattern === null) return Object.is(found, pattern);
  if (typeof found !== 'object' || found === null) return false;
  return Object.entries(pattern).every(([key, part]) =>
    matches((found as Readonly<Record<string, unknown>>)[key], part),
  );
}

const told = (value: unknown): string =>
  value instanceof Error ? (value.stack ?? String(value)) : String(value);

export class Test {
  readonly name: string;
  readonly #print: (line: string) => void;
  readonly #teardowns: (() => unknown)[] = [];
  /** Subtests run one after the other, as tap's do. */
  #queue: Promise<unknown> = Promise.resolve();
  #count = 0;
  #failed = 0;
  #folder: string | null = null;

  constructor(name: string, print: (line: string) => void) {
    this.name = name;
    this.#print = print;
  }

  #result(ok: boolean, message: string, details: readonly string[] = [], directive = ''): boolean {
    this.#count += 1;
    if (!ok) this.#failed += 1;
    const plain = message.replaceAll('#', '\\#').replaceAll('\n', ' ');
    this.#print(`${ok ? 'ok' : 'not ok'} ${this.#count} - ${plain}${directive}`);
    if (!ok && details.length > 0) {
      this.#print('  ---');
      for (const line of details.flatMap((text) => text.split('\n'))) this.#print(`  ${line}`);
      this.#print('  ...');
    }
    return ok;
  }

  #here(): string {
    const { stack = '' } = new Error();
    return stack.split('\n').slice(4, 7).join('\n');
  }

  pass(message = 'pass'): boolean {
    return this.#result(true, message);
  }

  fail(message: unknown = 'fail'): boolean {
    return this.#result(false, told(message), [this.#here()]);
  }

  comment(...parts: readonly unknown[]): void {
    for (const line of parts.map(told).join(' ').split('\n')) this.#print(`# ${line}`);
  }

  ok(found: unknown, message = 'expect truthy value'): boolean {
    return this.#result(Boolean(found), message, [`found: ${told(found)}`, this.#here()]);
  }

  notOk(found: unknown, message = 'expect falsey value'): boolean {
    return this.#result(!found, message, [`found: ${told(found)}`, this.#here()]);
  }

  equal(found: unknown, wanted: unknown, message = 'should be equal'): boolean {
    return this.#result(Object.is(found, wanted), message, [
      `found: ${told(found)}`,
      `wanted: ${told(wanted)}`,
      this.#here(),
    ]);
  }

  not(found: unknown, unwanted: unknown, message = 'should not be equal'): boolean {
    return this.#result(!Object.is(found, unwanted), message, [`found: ${told(found)}`, this.#here()]);
  }

  same(found: unknown, wanted: unknown, message = 'should be equivalent'): boolean {
    return this.#result(isDeepStrictEqual(found, wanted), message, [
      `found: ${JSON.stringify(found)}`,
      `wanted: ${JSON.stringify(wanted)}`,
      this.#here(),
    ]);
  }

  match(found: unknown, pattern: unknown, message = 'should match pattern provided'): boolean {
    return this.#result(matches(found, pattern), message, [`found: ${told(found)}`, this.#here()]);
  }

  throws(body: () => unknown, pattern?: Pattern, message = 'expected to throw'): boolean {
    try {
      body();
    } catch (error) {
      const right = pattern === undefined || matches(error, pattern);
      return this.#result(right, message, [`found: ${told(error)}`, this.#here()]);
    }
    return this.#result(false, message, ['nothing was thrown', this.#here()]);
  }

  async rejects(
    promise: Promise<unknown> | (() => Promise<unknown>),
    pattern?: Pattern,
    message = 'expect rejected Promise',
  ): Promise<boolean> {
    const here = this.#here();
    try {
      await (typeof promise === 'function' ? promise() : promise);
    } catch (error) {
      const right = pattern === undefined || matches(error, pattern);
      return this.#result(right, message, [`found: ${told(error)}`, here]);
    }
    return this.#result(false, message, ['it was not rejected', here]);
  }

  async resolves(
    promise: Promise<unknown> | (() => Promise<unknown>),
    message = 'expect resolving Promise',
  ): Promise<boolean> {
    const here = this.#here();
    try {
      await (typeof promise === 'function' ? promise() : promise);
    } catch (error) {
      return this.#result(false, message, [`found: ${told(error)}`, here]);
    }
    return this.#result(true, message);
  }

  skip(message = 'skipped'): boolean {
    return this.#result(true, message, [], ' # SKIP');
  }

  teardown(undo: () => unknown): void {
    this.#teardowns.unshift(undo);
  }

  /** A folder of this test's own, gone after it. Fixtures are not made here. */
  testdir(): string {
    if (this.#folder === null) {
      const parent = process.env['SLUICE_TEST_SCRATCH'] ?? tmpdir();
      mkdirSync(parent, { recursive: true });
      this.#folder = mkdtempSync(join(parent, 'suite-'));
    }
    return this.#folder;
  }

  test(name: string, ...rest: readonly [Body] | readonly [TestOptions, Body?]): Promise<boolean> {
    const [first, second] = rest;
    const options = typeof first === 'function' ? {} : first;
    const body = typeof first === 'function' ? first : second;
    const reason = options.skip ?? options.todo ?? body === undefined;
    const run = async (): Promise<boolean> => {
      if (reason !== false) {
        const directive = options.todo === undefined || options.todo === false ? 'SKIP' : 'TODO';
        return this.#result(
          true,
          name,
          [],
          ` # ${directive}${typeof reason === 'string' ? ` ${reason}` : ''}`,
        );
      }
      this.#print(`# Subtest: ${name}`);
      const child = new Test(name, (line) => this.#print(INDENT + line));
      const started = performance.now();
      const good = await child.#run(body as Body);
      return this.#result(good, name, [], ` # time=${(performance.now() - started).toFixed(1)}ms`);
    };
    const running = this.#queue.then(run);
    this.#queue = running;
    return running;
  }

  async #run(body: Body): Promise<boolean> {
    try {
      await body(this);
    } catch (error) {
      this.#result(false, told(error).split('\n')[0] ?? 'thrown', [told(error)]);
    }
    return this.finish();
  }

  /** Waits for the subtests, undoes, prints the plan. */
  async finish(): Promise<boolean> {
    await this.#queue;
    for (const undo of this.#teardowns) {
      try {
        await undo();
      } catch (error) {
        this.#result(false, 'teardown', [told(error)]);
      }
    }
    if (this.#folder !== null) rmSync(this.#folder, { recursive: true, force: true });
    this.#print(`1..${this.#count}`);
    return this.#failed === 0;
  }
}

const top = new Test('TAP', (line) => void process.stdout.write(`${line}\n`));
process.stdout.write('TAP version 14\n');

let finished = false;
// Fires when nothing is left to do, which is when all tests that were started have ended: or hang on a promise that
// nothing will settle, and then the plan is missing and the exit code says so.
process.once('beforeExit', () => {
  process.exitCode = 1;
  void top.finish().then((good) => {
    finished = true;
    process.exitCode = good ? 0 : 1;
  });
});
process.on('exit', () => {
  if (!finished) process.stdout.write('Bail out! a test never ended\n');
});

export default top;
