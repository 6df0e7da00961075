/**
 * The contract of src/core/flash/device.ts as tests, to be run on every implementation. What a device cannot do is
 * found out from the value UNSUPPORTED, never from its class.
 */
import * as fc from 'fast-check';
import t, { type Test } from 'tap';
import { UNSUPPORTED, type FlashDevice } from '../../src/core/flash/device.js';
import { sameBytes } from '../kit/same-bytes.js';

/** A device of four good blocks or more, whatever they hold, that may be written by the tests. */
export interface Subject {
  readonly device: FlashDevice;
  /** Whether a block may be marked bad, for good. @default true */
  readonly mayMarkBad?: boolean;
  /** Opens the same device again after it was closed; where it is left out, tests of durability are skipped. */
  readonly reopen?: () => Promise<FlashDevice>;
  /** Called at the end, with the device open or closed. */
  readonly dispose?: () => Promise<void>;
}

/** Runs the suite; every test makes a subject of its own. */
export function conformance(name: string, makeSubject: (t: Test) => Promise<Subject> | Subject): void {
  void t.test(name, async (t) => {
    for (const [sentence, body] of Object.entries(SENTENCES)) {
      await t.test(sentence, async (t) => {
        const subject = await makeSubject(t);
        // Not in a teardown: the test's folder is gone by then.
        try {
          await body(t, subject.device, subject);
        } finally {
          await subject.device.close();
          await subject.dispose?.();
        }
      });
    }
  });
}

type Body = (t: Test, device: FlashDevice, subject: Subject) => Promise<unknown>;

/** Blocks that are looked at, at most: real devices have thousands. */
const WINDOW_BLOCKS = 24;

/** Four erases that take longer than this are those of a real chip. */
const SLOW_MS = 200;

/** Bytes from the start of the device that are looked at. */
const windowOf = ({ geometry }: FlashDevice): number =>
  Math.min(geometry.size, WINDOW_BLOCKS * geometry.eraseSize);

async function goodBlocks(device: FlashDevice): Promise<number[]> {
  const good: number[] = [];
  for (let block = 0; block < windowOf(device) / device.geometry.eraseSize; block++) {
    if ((await device.isBad(block)) !== true) good.push(block);
  }
  return good;
}

/** The first good blocks of the device, unlocked and erased. */
async function erasedBlocks(device: FlashDevice, count: number): Promise<number[]> {
  const blocks = (await goodBlocks(device)).slice(0, count);
  await device.unlock(0, device.geometry.size / device.geometry.eraseSize);
  if (blocks.length < count) throw new Error(`the suite needs ${count} good blocks`);
  for (const block of blocks) await device.erase(block);
  return blocks;
}

async function contentOf(device: FlashDevice, offset: number, length: number): Promise<Uint8Array> {
  const into = new Uint8Array(length).fill(0x5a);
  await device.read(offset, into);
  return into;
}

const wholeContent = (device: FlashDevice): Promise<Uint8Array> => contentOf(device, 0, windowOf(device));

const pattern = (length: number, seed = 1): Uint8Array =>
  Uint8Array.from({ length }, (_, index) => (index * 7 + seed * 31) & 0xff);

/** Every operation of the contract, harmless on an erased block. */
function operations(device: FlashDevice, block: number): Record<string, () => Promise<unknown>> {
  const { eraseSize, writeSize } = device.geometry;
  return {
    read: () => device.read(block * eraseSize, new Uint8Array(writeSize)),
    erase: () => device.erase(block),
    program: () => device.program(block * eraseSize, new Uint8Array(writeSize).fill(0xff)),
    isBad: () => device.isBad(block),
    markBad: () => device.markBad(block),
    unlock: () => device.unlock(block, 1),
    eccStats: () => device.eccStats(),
    sync: () => device.sync(),
  };
}

const SENTENCES: Record<string, Body> = {
  'its geometry is whole: blocks fill the device and writes fill a block': async (t, device) => {
    const { size, eraseSize, writeSize } = device.geometry;
    t.ok(size > 0 && eraseSize > 0 && writeSize > 0);
    t.equal(size % eraseSize, 0);
    t.equal(eraseSize % writeSize, 0);
  },

  'erase sets every bit of one block and of no other': async (t, device) => {
    const { eraseSize } = device.geometry;
    const [a, b, c] = (await erasedBlocks(device, 3)) as [number, number, number];
    const bytes = pattern(eraseSize);
    for (const block of [a, b, c]) await device.program(block * eraseSize, bytes);
    await device.erase(b);
    sameBytes(t, await contentOf(device, b * eraseSize, eraseSize), new Uint8Array(eraseSize).fill(0xff));
    sameBytes(t, await contentOf(device, a * eraseSize, eraseSize), bytes);
    sameBytes(t, await contentOf(device, c * eraseSize, eraseSize), bytes);
  },

  'program changes its range and no other byte': async (t, device) => {
    const { eraseSize, writeSize } = device.geometry;
    const [block] = (await erasedBlocks(device, 1)) as [number];
    const before = await wholeContent(device);
    const offset = block * eraseSize + writeSize;
    const bytes = pattern(writeSize * 2);
    await device.program(offset, bytes);
    before.set(bytes, offset);
    sameBytes(t, await wholeContent(device), before);
  },

  'program takes bytes that lie anywhere in a larger buffer, and leaves them alone': async (t, device) => {
    const { eraseSize } = device.geometry;
    const [block] = (await erasedBlocks(device, 1)) as [number];
    for (const shift of [1, 2, 3]) {
      const buffer = pattern(eraseSize + 8, shift);
      const kept = buffer.slice();
      await device.erase(block);
      await device.program(block * eraseSize, buffer.subarray(shift, shift + eraseSize));
      sameBytes(
        t,
        await contentOf(device, block * eraseSize, eraseSize),
        kept.subarray(shift, shift + eraseSize),
      );
      sameBytes(t, buffer, kept);
    }
  },

  'compare tells how flash stands to bytes, or is not there': async (t, device) => {
    const { eraseSize, writeSize } = device.geometry;
    if (device.compare === undefined) {
      t.comment('this device has no compare');
      return;
    }
    const [block, next] = (await erasedBlocks(device, 2)) as [number, number];
    const start = block * eraseSize;
    const bytes = pattern(eraseSize, 9);
    await device.program(start, bytes);
    t.equal(await device.compare(start, bytes), 'same');
    t.equal(await device.compare(start + 3, bytes.subarray(3, eraseSize - 1)), 'same', 'any range');
    t.equal(await device.compare(next * eraseSize, new Uint8Array(eraseSize).fill(0xff)), 'same');
    for (const at of [0, writeSize, eraseSize - 1]) {
      const cleared = bytes.slice();
      const bit = [1, 2, 4, 8, 16, 32, 64, 128].find((mask) => ((bytes[at] as number) & mask) !== 0) ?? 0;
      cleared[at] = (bytes[at] as number) & ~bit;
      const less = await device.compare(start, cleared);
      // Only NOR can do something with the difference.
      if (device.geometry.type === 'nor' || bit === 0) t.equal(less, bit === 0 ? 'same' : 'clears');
      else t.ok(less === 'clears' || less === 'differs', `a bit less at ${at}`);
      const set = bytes.slice();
      set[at] = (bytes[at] as number) ^ 0xff;
      if (bytes[at] !== 0xff) t.equal(await device.compare(start, set), 'differs', `others at ${at}`);
    }
    const kept = bytes.slice();
    await device.compare(start, bytes);
    sameBytes(t, bytes, kept, 'what is compared is left alone');
    await t.rejects(device.compare(device.geometry.size - 1, new Uint8Array(2)), { code: 'ERR_FLASH_RANGE' });
    const options = { signal: AbortSignal.abort() };
    await t.rejects(device.compare(start, bytes, options), { code: 'ERR_SESSION_INTERRUPTED' });
    await device.close();
    await t.rejects(device.compare(start, bytes), { code: 'ERR_FLASH_CLOSED' });
  },

  'replace gives one block new content, whatever it held, or is not there': async (t, device, { reopen }) => {
    const { eraseSize, size } = device.geometry;
    if (device.replace === undefined) {
      t.comment('this device has no replace');
      return;
    }
    const [block, next] = (await erasedBlocks(device, 2)) as [number, number];
    await device.program(next * eraseSize, pattern(eraseSize, 4));
    const mostly = new Uint8Array(eraseSize).fill(0xff);
    mostly.set(pattern(5), 0);
    let wanted = pattern(eraseSize, 1);
    for (const bytes of [
      wanted,
      pattern(eraseSize, 2),
      mostly,
      new Uint8Array(eraseSize).fill(0xff),
      wanted,
    ]) {
      await device.replace(block, bytes);
      sameBytes(t, await contentOf(device, block * eraseSize, eraseSize), bytes);
      wanted = bytes;
    }
    sameBytes(
      t,
      await contentOf(device, next * eraseSize, eraseSize),
      pattern(eraseSize, 4),
      'its neighbour',
    );
    for (const outside of [-1, 0.5, size / eraseSize]) {
      await t.rejects(device.replace(outside, wanted), { code: 'ERR_FLASH_RANGE' });
    }
    for (const length of [0, eraseSize - 1, eraseSize + 1]) {
      await t.rejects(device.replace(block, new Uint8Array(length)), { code: 'ERR_FLASH_RANGE' });
    }
    const options = { signal: AbortSignal.abort() };
    await t.rejects(device.replace(block, mostly, options), { code: 'ERR_SESSION_INTERRUPTED' });
    await device.sync();
    await device.close();
    await t.rejects(device.replace(block, mostly), { code: 'ERR_FLASH_CLOSED' });
    if (reopen === undefined) return;
    const again = await reopen();
    sameBytes(t, await contentOf(again, block * eraseSize, eraseSize), wanted, 'it stays');
    await again.close();
  },

  'an erased block is not mapped, a written one is, or all blocks always are': async (t, device) => {
    if (device.isMapped === undefined) {
      t.comment('all blocks of this device take up flash');
      return;
    }
    const { eraseSize, writeSize } = device.geometry;
    const [block] = (await erasedBlocks(device, 1)) as [number];
    t.equal(await device.isMapped(block), false);
    await device.program(block * eraseSize, pattern(writeSize));
    t.equal(await device.isMapped(block), true);
    await device.erase(block);
    t.equal(await device.isMapped(block), false);
    await t.rejects(device.isMapped(-1), { code: 'ERR_FLASH_RANGE' });
  },

  'read takes any offset and length, and fills exactly what it was given': async (t, device) => {
    const { eraseSize } = device.geometry;
    const size = windowOf(device);
    const [block] = (await erasedBlocks(device, 1)) as [number];
    await device.program(block * eraseSize, pattern(eraseSize));
    const whole = await wholeContent(device);
    await fc.assert(
      fc.asyncProperty(fc.nat(size), fc.nat(size), fc.integer({ min: 0, max: 9 }), async (x, y, shift) => {
        const [from, to] = x < y ? [x, y] : [y, x];
        const buffer = new Uint8Array(shift + (to - from) + 5).fill(0x5a);
        await device.read(from, buffer.subarray(shift, shift + to - from));
        const expected = new Uint8Array(buffer.length).fill(0x5a);
        expected.set(whole.subarray(from, to), shift);
        return Buffer.compare(buffer, expected) === 0;
      }),
      { numRuns: 30 },
    );
    sameBytes(t, await wholeContent(device), whole, 'reading changed nothing');
  },

  'what is outside the device is refused and changes nothing': async (t, device) => {
    const { size, eraseSize, writeSize } = device.geometry;
    await erasedBlocks(device, 1);
    const before = await wholeContent(device);
    const blocks = size / eraseSize;
    const refused = { code: 'ERR_FLASH_RANGE' };
    for (const offset of [
      -1,
      -writeSize,
      size - writeSize + 1,
      size + 1,
      0.5,
      Number.NaN,
      Infinity,
      2 ** 53,
    ]) {
      await t.rejects(device.read(offset, new Uint8Array(writeSize)), refused, `read at ${offset}`);
    }
    for (const offset of [-writeSize, size, size + eraseSize, Number.NaN, Infinity, 2 ** 53]) {
      await t.rejects(device.program(offset, new Uint8Array(writeSize)), refused, `program at ${offset}`);
    }
    for (const block of [-1, blocks, blocks + 1, 0.5, Number.NaN, Infinity]) {
      await t.rejects(device.erase(block), refused, `erase ${block}`);
    }
    await t.rejects(device.read(size - 1, new Uint8Array(2)), refused);
    await t.resolves(device.read(size - 1, new Uint8Array(1)), 'the last byte is inside');
    sameBytes(t, await wholeContent(device), before);
  },

  'a misaligned program, or one that crosses an erase block, is refused and changes nothing': async (
    t,
    device,
  ) => {
    const { eraseSize, writeSize } = device.geometry;
    await erasedBlocks(device, 4);
    const before = await wholeContent(device);
    const refused = { code: 'ERR_FLASH_RANGE' };
    await t.rejects(device.program(0.5, new Uint8Array(writeSize)), refused);
    await t.rejects(device.program(eraseSize - writeSize, new Uint8Array(2 * writeSize)), refused);
    await t.rejects(device.program(0, new Uint8Array(eraseSize + writeSize)), refused);
    if (writeSize > 1) {
      await t.rejects(device.program(1, new Uint8Array(writeSize)), refused);
      await t.rejects(device.program(0, new Uint8Array(writeSize - 1)), refused);
      await t.rejects(device.program(0, new Uint8Array(writeSize + 1)), refused);
    }
    sameBytes(t, await wholeContent(device), before);
  },

  'an operation while another one is running is refused, not queued': async (t, device) => {
    const { eraseSize, writeSize } = device.geometry;
    const [first, second] = (await erasedBlocks(device, 2)) as [number, number];
    const mark = new Uint8Array(writeSize).fill(0x42);
    await device.program(second * eraseSize, mark);
    for (const [name, start] of Object.entries(operations(device, first))) {
      if (name === 'markBad') continue;
      for (const [other, again] of Object.entries(operations(device, second))) {
        await device.erase(first);
        const running = start();
        await t.rejects(again(), { code: 'ERR_FLASH_OVERLAP' }, `${other} while ${name} is running`);
        await t.resolves(running, `${name} went on`);
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 5));
    sameBytes(t, await contentOf(device, second * eraseSize, writeSize), mark, 'no refused erase came later');
    t.not(await device.isBad(second), true, 'no refused mark came later');
  },

  'operations can follow each other at once when the one before has settled, well or not': async (
    t,
    device,
  ) => {
    const [block] = (await erasedBlocks(device, 1)) as [number];
    for (const start of [() => device.erase(block), () => device.erase(-1)]) {
      let settled = false;
      try {
        await start();
      } catch {
        settled = true;
      }
      await t.resolves(device.erase(block), settled ? 'after a failure' : 'after a success');
    }
  },

  'a signal that is aborted stops an operation before it starts': async (t, device) => {
    const { eraseSize, writeSize } = device.geometry;
    const [block] = (await erasedBlocks(device, 1)) as [number];
    const offset = block * eraseSize;
    await device.program(offset, new Uint8Array(writeSize).fill(0x11));
    const before = await wholeContent(device);
    const options = { signal: AbortSignal.abort() };
    const stopped = { code: 'ERR_SESSION_INTERRUPTED' };
    const into = new Uint8Array(writeSize).fill(0x5a);
    await t.rejects(device.read(offset, into, options), stopped);
    sameBytes(t, into, new Uint8Array(writeSize).fill(0x5a));
    await t.rejects(device.erase(block, options), stopped);
    await t.rejects(device.program(offset + writeSize, new Uint8Array(writeSize), options), stopped);
    sameBytes(t, await wholeContent(device), before);
  },

  'a signal that is aborted later does not cut an operation short': async (t, device) => {
    const { eraseSize } = device.geometry;
    const [block] = (await erasedBlocks(device, 1)) as [number];
    const bytes = pattern(eraseSize);
    for (const start of ['program', 'erase'] as const) {
      const controller = new AbortController();
      const options = { signal: controller.signal };
      const running =
        start === 'erase' ? device.erase(block, options) : device.program(block * eraseSize, bytes, options);
      controller.abort();
      await t.resolves(running);
      const expected = start === 'erase' ? new Uint8Array(eraseSize).fill(0xff) : bytes;
      sameBytes(t, await contentOf(device, block * eraseSize, eraseSize), expected);
    }
  },

  'every operation after close is refused, and close may be called again': async (t, device) => {
    const [block] = (await erasedBlocks(device, 1)) as [number];
    await device.close();
    for (const [name, start] of Object.entries(operations(device, block))) {
      await t.rejects(start(), { code: 'ERR_FLASH_CLOSED' }, name);
    }
    await t.resolves(device.close());
  },

  'close waits for the running operation': async (t, device) => {
    const { eraseSize } = device.geometry;
    const [block] = (await erasedBlocks(device, 1)) as [number];
    let done = false;
    const program = async (): Promise<void> => {
      await device.program(block * eraseSize, new Uint8Array(eraseSize));
      done = true;
    };
    const running = program();
    const closing = device.close();
    await t.rejects(device.erase(block), { code: 'ERR_FLASH_CLOSED' });
    await closing;
    t.equal(done, true);
    await t.resolves(running, 'it was not cut short');
  },

  'bad blocks are told and marked, or all of that is unsupported': async (
    t,
    device,
    { reopen, mayMarkBad = true },
  ) => {
    const { size, eraseSize, writeSize } = device.geometry;
    const [block, other] = (await erasedBlocks(device, 2)) as [number, number];
    const answer = await device.isBad(block);
    if (answer === UNSUPPORTED) {
      t.equal(await device.markBad(block), UNSUPPORTED);
      await t.resolves(device.erase(block), 'an unsupported mark has no effect');
      return;
    }
    t.equal(answer, false);
    for (const outside of [-1, 0.5, size / eraseSize]) {
      await t.rejects(device.isBad(outside), { code: 'ERR_FLASH_RANGE' });
      await t.rejects(device.markBad(outside), { code: 'ERR_FLASH_RANGE' });
    }
    if (!mayMarkBad) {
      t.comment('no block of this device may be marked bad');
      return;
    }
    t.equal(await device.markBad(block), undefined);
    t.equal(await device.isBad(block), true);
    t.equal(await device.isBad(other), false);
    await t.rejects(device.erase(block), { code: 'ERR_FLASH_ERASE' });
    await t.rejects(device.program(block * eraseSize, new Uint8Array(writeSize)), {
      code: 'ERR_FLASH_PROGRAM',
    });
    if (reopen === undefined) return;
    await device.close();
    const again = await reopen();
    t.equal(await again.isBad(block), true, 'for good');
    t.equal(await again.isBad(other), false);
    await again.close();
  },

  'unlock lifts the protection or is unsupported, and never fails on blocks of the device': async (
    t,
    device,
  ) => {
    const [block] = (await erasedBlocks(device, 1)) as [number];
    const answer = await device.unlock(block, 1);
    t.ok(answer === undefined || answer === UNSUPPORTED);
    await t.resolves(device.erase(block));
  },

  'ECC counts are numbers that do not fall, or unsupported': async (t, device) => {
    await erasedBlocks(device, 1);
    const before = await device.eccStats();
    await wholeContent(device);
    const after = await device.eccStats();
    if (before === UNSUPPORTED || after === UNSUPPORTED) {
      t.equal(before, after);
      return;
    }
    t.ok(before.corrected >= 0 && before.failed >= 0);
    t.ok(after.corrected >= before.corrected && after.failed >= before.failed);
  },

  'what was programmed is there when the device is opened again': async (t, device, { reopen }) => {
    if (reopen === undefined) {
      t.comment('this device cannot be opened again');
      return;
    }
    const { eraseSize } = device.geometry;
    const [block] = (await erasedBlocks(device, 1)) as [number];
    await device.program(block * eraseSize, pattern(eraseSize, 5));
    await device.sync();
    await device.close();
    const again = await reopen();
    sameBytes(t, await contentOf(again, block * eraseSize, eraseSize), pattern(eraseSize, 5));
    await again.close();
  },

  'any sequence of operations leaves what an array of bytes would hold': async (t, device) => {
    const { eraseSize, writeSize, type } = device.geometry;
    const started = Date.now();
    const good = await erasedBlocks(device, 4);
    // A real NOR chip takes half a second an erase.
    const numRuns = Date.now() - started > SLOW_MS ? 4 : 40;
    const pages = eraseSize / writeSize;
    const step = fc.record({
      act: fc.constantFrom('erase', 'program', 'program', 'program', 'read', 'sync'),
      block: fc.nat(good.length - 1),
      page: fc.nat(pages - 1),
      count: fc.integer({ min: 1, max: pages }),
      seed: fc.nat(1000),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
        for (const block of good) await device.erase(block);
        const model = await wholeContent(device);
        const used = new Set<number>();
        for (const { act, block: index, page, count, seed } of steps) {
          const block = good[index] as number;
          const start = block * eraseSize + page * writeSize;
          const end = Math.min(start + count * writeSize, (block + 1) * eraseSize);
          if (act === 'erase') {
            await device.erase(block);
            model.fill(0xff, block * eraseSize, (block + 1) * eraseSize);
            for (let at = 0; at < pages; at++) used.delete(block * pages + at);
          } else if (act === 'program') {
            const wanted = pattern(end - start, seed);
            if (type === 'nor' && writeSize === 1) {
              // On NOR without ECC the same byte may be programmed again where that clears bits only.
              for (let i = 0; i < wanted.length; i++) wanted[i] = (wanted[i] ?? 0) & (model[start + i] ?? 0);
            } else {
              const touched = Array.from(
                { length: (end - start) / writeSize },
                (_, i) => start / writeSize + i,
              );
              if (touched.some((at) => used.has(at))) continue;
              for (const at of touched) used.add(at);
            }
            await device.program(start, wanted);
            model.set(wanted, start);
          } else if (act === 'read') {
            if (
              Buffer.compare(await contentOf(device, start, end - start), model.subarray(start, end)) !== 0
            ) {
              return false;
            }
          } else {
            await device.sync();
          }
        }
        return Buffer.compare(await wholeContent(device), model) === 0;
      }),
      { numRuns },
    );
    t.pass('the model and the device agree');
  },
};
