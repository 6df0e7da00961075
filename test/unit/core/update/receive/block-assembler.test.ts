import { array, assert, asyncProperty, integer, nat } from 'fast-check';
import t from 'tap';
import {
  BlockAssembler,
  BufferPair,
  type UnitSink,
} from '../../../../../src/core/update/receive/block-assembler.js';
import { settle } from '../../../../kit/held-device.js';
import { noise } from '../../../../kit/noise.js';

/** Keeps copies of what it is handed, and the order of events. */
class Recorder implements UnitSink {
  readonly events: string[] = [];
  readonly units: Uint8Array[] = [];
  proveGate: ((index: number) => Promise<void>) | null = null;
  storeGate: ((index: number) => Promise<void>) | null = null;

  async prove(unit: Uint8Array, index: number): Promise<void> {
    this.events.push(`prove ${index}`);
    const copy = unit.slice();
    await this.proveGate?.(index);
    if (Buffer.compare(copy, unit) !== 0) throw new Error(`unit ${index} changed while it was proven`);
    this.events.push(`proven ${index}`);
  }

  async store(unit: Uint8Array, index: number): Promise<void> {
    this.events.push(`store ${index}`);
    const copy = unit.slice();
    await this.storeGate?.(index);
    if (Buffer.compare(copy, unit) !== 0) throw new Error(`unit ${index} changed while it was stored`);
    this.units[index] = copy;
    this.events.push(`stored ${index}`);
  }
}

t.test('any splitting gives the same units, the last one short', async (t) => {
  await assert(
    asyncProperty(integer({ min: 1, max: 40 }), nat(200), array(nat(50)), async (unit, length, sizes) => {
      const bytes = noise(length, length);
      const sink = new Recorder();
      sink.storeGate = () => Promise.resolve();
      const assembler = new BlockAssembler(new BufferPair(), unit, sink);
      let at = 0;
      for (const size of [...sizes, length]) {
        const piece = bytes.slice(at, at + size);
        await assembler.write(piece);
        piece.fill(0);
        at = Math.min(length, at + size);
      }
      await assembler.end();
      const count = Math.ceil(length / unit);
      const ok =
        sink.units.length === count &&
        sink.units.every((each, k) => each.length === Math.min(unit, length - k * unit)) &&
        Buffer.compare(Buffer.concat(sink.units), bytes) === 0;
      if (!ok) throw new Error(`${sink.units.length} units of ${length} bytes`);
    }),
  );
  t.pass();
});

t.test('a piece that fits is taken without a promise', (t) => {
  const assembler = new BlockAssembler(new BufferPair(), 8, new Recorder());
  t.equal(assembler.write(new Uint8Array(3)), undefined);
  t.equal(assembler.write(new Uint8Array(4)), undefined);
  t.type(assembler.write(new Uint8Array(1)), Promise);
  t.end();
});

t.test('a unit is proven while the one before it is stored, and stored after it', async (t) => {
  const sink = new Recorder();
  let release: () => void = () => {};
  sink.storeGate = (index) =>
    index === 0
      ? new Promise((resolve) => {
          release = resolve;
        })
      : Promise.resolve();
  const assembler = new BlockAssembler(new BufferPair(), 4, sink);
  await assembler.write(new Uint8Array(4));
  const second = assembler.write(new Uint8Array(4).fill(1));
  await settle();
  t.same(sink.events, ['prove 0', 'proven 0', 'store 0', 'prove 1', 'proven 1']);
  release();
  await second;
  await assembler.end();
  t.same(sink.events.slice(5), ['stored 0', 'store 1', 'stored 1']);
});

t.test('a write waits when both buffers are full', async (t) => {
  const sink = new Recorder();
  let release: () => void = () => {};
  sink.storeGate = () =>
    new Promise((resolve) => {
      release = resolve;
    });
  const assembler = new BlockAssembler(new BufferPair(), 4, sink);
  await assembler.write(new Uint8Array(4));
  await assembler.write(new Uint8Array(3));
  let taken = false;
  const write = (async () => {
    await assembler.write(new Uint8Array(1));
    taken = true;
  })();
  await settle();
  t.notOk(taken);
  release();
  await write;
  t.ok(taken);
  await settle();
  release();
  await assembler.end();
  t.equal(sink.units.length, 2);
});

t.test('a unit that is not proven is never stored, nor any after it; the one before it is', async (t) => {
  const sink = new Recorder();
  sink.proveGate = async (index) => {
    if (index === 1) throw new Error('not the one');
  };
  const assembler = new BlockAssembler(new BufferPair(), 4, sink);
  const write = (async () => {
    for (let k = 0; k < 6; k++) await assembler.write(new Uint8Array(4).fill(k));
  })();
  await t.rejects(write, { message: 'not the one' });
  await t.rejects(assembler.end(), { message: 'not the one' });
  await assembler.settled();
  t.same(
    sink.events.filter((event) => event.startsWith('store')),
    ['store 0', 'stored 0'],
  );
});

t.test('a unit that cannot be stored fails the writes after it', async (t) => {
  const sink = new Recorder();
  sink.storeGate = async (index) => {
    if (index === 0) throw new Error('worn out');
  };
  const assembler = new BlockAssembler(new BufferPair(), 4, sink);
  await assembler.write(new Uint8Array(4));
  await t.rejects(Promise.resolve(assembler.write(new Uint8Array(4))), { message: 'worn out' });
  await assembler.settled();
  t.notOk(sink.events.includes('store 1'));
  await t.rejects(assembler.end(), { message: 'worn out' });
});

t.test('a failure of the last unit comes out at the end', async (t) => {
  const sink = new Recorder();
  sink.storeGate = async () => {
    throw new Error('worn out');
  };
  const assembler = new BlockAssembler(new BufferPair(), 4, sink);
  await assembler.write(new Uint8Array(2));
  await t.rejects(assembler.end(), { message: 'worn out' });
});

t.test('nothing written is nothing stored', async (t) => {
  const sink = new Recorder();
  await new BlockAssembler(new BufferPair(), 4, sink).end();
  t.same(sink.events, []);
});

t.test('two buffers are made once, for the largest unit', async (t) => {
  const buffers = new BufferPair();
  buffers.ensure(64);
  const [one] = [buffers.current];
  buffers.swap();
  const two = buffers.current;
  t.not(one, two);
  buffers.ensure(10);
  buffers.swap();
  t.equal(buffers.current, one, 'a smaller unit uses the same ones');
  buffers.ensure(65);
  t.equal(buffers.current.length, 65);
  t.not(buffers.current, one);
  const seen = new Set<ArrayBufferLike>();
  const sink: UnitSink = {
    prove: async (unit) => void seen.add(unit.buffer),
    store: async () => {},
  };
  const assembler = new BlockAssembler(buffers, 16, sink);
  for (let k = 0; k < 20; k++) await assembler.write(new Uint8Array(16));
  await assembler.end();
  t.equal(seen.size, 2, 'twenty units went through two buffers');
});
