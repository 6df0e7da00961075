/** What every BundleReader keeps to (src/core/bundle/bundle-reader.ts), run on one source of a format. */
import t from 'tap';
import { formatBlocks } from '../../src/core/bundle/block-index.js';
import type { BundleHandler, BundleReader } from '../../src/core/bundle/bundle-reader.js';
import type { ErrorCode } from '../../src/core/errors.js';
import { reusedPieces } from '../kit/update-kit.js';

export interface ReaderCase {
  open(handler: BundleHandler): BundleReader;
  readonly source: Uint8Array;
  /** What the source brings, in its order: see `Recorder`. */
  readonly brings: readonly string[];
  /** Code with which `end` refuses the first `length` bytes of the source; null if they are a whole source too. */
  cut(length: number): ErrorCode | null;
  /** Bytes that images come in are parts of the chunks that were written. */
  readonly views: boolean;
}

type Step = 'member' | 'index' | 'image' | 'bytes' | 'end';

/** Writes down what it is handed, a line for each part of the bundle. */
class Recorder implements BundleHandler {
  readonly lines: string[] = [];
  /** The memory that bytes of images lay in. */
  readonly memory = new Set<ArrayBufferLike>();
  /** Called before each step is taken. */
  readonly #at: (step: Step) => void | Promise<void>;

  constructor(at: (step: Step) => void | Promise<void> = () => {}) {
    this.#at = at;
  }

  async member(name: string, bytes: Uint8Array): Promise<void> {
    await this.#at('member');
    this.lines.push(`${name} ${Buffer.from(bytes).toString('hex')}`);
  }

  async index(size: number) {
    await this.#at('index');
    const parts: Buffer[] = [];
    return {
      write: (bytes: Uint8Array) => void parts.push(Buffer.from(bytes)),
      end: (index: Parameters<typeof formatBlocks>[0]) => {
        const same = Buffer.concat(parts).equals(formatBlocks(index));
        this.lines.push(`index of ${size} bytes, ${same ? 'as its text says' : 'NOT what its text says'}`);
      },
    };
  }

  async image({ partition, size }: { readonly partition: string; readonly size: number | null }) {
    await this.#at('image');
    const parts: Buffer[] = [];
    return {
      write: async (bytes: Uint8Array) => {
        this.memory.add(bytes.buffer);
        if (bytes.length === 0) this.lines.push('a write of nothing');
        await this.#at('bytes');
        parts.push(Buffer.from(bytes));
      },
      end: async () => {
        await this.#at('end');
        this.lines.push(`${partition} of ${size} bytes ${Buffer.concat(parts).toString('hex')}`);
      },
    };
  }
}

/** Writes the pieces and ends; resolves to what was thrown, or null. */
async function read(reader: BundleReader, pieces: Iterable<Uint8Array>): Promise<unknown> {
  try {
    for (const piece of pieces) await reader.write(piece);
    await reader.end();
    return null;
  } catch (thrown) {
    return thrown;
  }
}

const codeOf = (thrown: unknown): unknown => (thrown as { code?: unknown } | null)?.code ?? thrown;

/** Resolves when every microtask and every turn of zlib that is due has run. */
const settled = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 20));

export function bundleReaderSuite(name: string, made: ReaderCase): void {
  const { source, brings } = made;

  t.test(`${name}: what is handed over does not depend on how the source is cut`, async (t) => {
    const odd: number[] = [];
    for (let at = 0; at <= source.length; at++) {
      const handler = new Recorder();
      const failure = await read(made.open(handler), [source.subarray(0, at), source.subarray(at)]);
      if (failure !== null || handler.lines.join('\n') !== brings.join('\n')) odd.push(at);
    }
    t.same(odd, [], 'in two, at every byte');
    for (const size of [1, 7, 512, 1000]) {
      const handler = new Recorder();
      t.equal(await read(made.open(handler), reusedPieces(source, size)), null);
      t.same(handler.lines, brings, `in pieces of ${size} bytes, in memory that is used again`);
    }
  });

  t.test(`${name}: a source that is cut anywhere is refused, and stays refused`, async (t) => {
    const odd: string[] = [];
    for (let length = 0; length < source.length; length++) {
      const handler = new Recorder();
      const reader = made.open(handler);
      const failure = await read(reader, [source.subarray(0, length)]);
      const wanted = made.cut(length);
      if ((failure === null ? null : codeOf(failure)) !== wanted) odd.push(`${length}: ${codeOf(failure)}`);
      if (wanted === null) continue;
      const { length: before } = handler.lines;
      const again = [await read(reader, [source.subarray(length)]), await read(reader, [])];
      if (again.some((thrown) => thrown !== failure) || handler.lines.length !== before)
        odd.push(`${length}, again`);
    }
    t.same(odd, []);
  });

  t.test(`${name}: the handler's error is the reader's, at every step`, async (t) => {
    const steps: Step[] = [];
    await read(made.open(new Recorder((step) => void steps.push(step))), [source]);
    for (let failing = 0; failing < steps.length; failing++) {
      let count = 0;
      const error = Object.assign(new Error(`step ${failing}`), { code: 'ERR_TEST' });
      const reader = made.open(
        new Recorder(() => {
          if (count++ === failing) throw error;
        }),
      );
      const first = await read(reader, [source]);
      const isIt = first === error || (first as Error).cause === error;
      t.ok(isIt, `${steps[failing]}, step ${failing}: ${String(first)}`);
      t.equal(await read(reader, [source]), first, 'written to again');
      t.equal(await read(reader, []), first, 'ended again');
      t.equal(count, failing + 1, 'and nothing more is handed over');
    }
  });

  t.test(`${name}: a write waits for the handler`, async (t) => {
    const open: (() => void)[] = [];
    let most = 0;
    const handler = new Recorder(
      () =>
        new Promise((resolve) => {
          open.push(resolve);
          most = Math.max(most, open.length);
        }),
    );
    let done = false;
    const reading = read(made.open(handler), [source]).finally(() => {
      done = true;
    });
    let held = 0;
    while (!done) {
      await settled();
      const release = open.pop();
      if (release === undefined) continue;
      t.notOk(done, 'held back');
      held++;
      release();
    }
    t.equal(await reading, null);
    t.ok(held >= brings.length, `${held} steps were waited for`);
    t.equal(most, 1, 'one at a time');
    t.same(handler.lines, brings);
  });

  t.test(`${name}: one call at a time, and none after the end`, async (t) => {
    const first = made.open(new Recorder(() => settled()));
    const results = await Promise.allSettled([first.write(source), first.write(source)]);
    const codes = results.map((result) => (result.status === 'rejected' ? codeOf(result.reason) : null));
    t.ok(codes.includes('ERR_SESSION_STATE'), codes.join(' '));
    const second = made.open(new Recorder());
    t.equal(await read(second, [source]), null);
    await t.rejects(second.write(source), { code: 'ERR_SESSION_STATE' });
    await t.rejects(second.end(), { code: 'ERR_SESSION_STATE' });
  });

  if (!made.views) return;
  t.test(`${name}: images are handed on without a copy`, async (t) => {
    const handler = new Recorder();
    const memory = Uint8Array.from(source);
    t.equal(await read(made.open(handler), [memory]), null);
    t.equal(handler.memory.size, 1);
    t.ok(handler.memory.has(memory.buffer));
  });
}
