import { array, assert, boolean, constant, nat, oneof, property, tuple, uint8Array } from 'fast-check';
import t from 'tap';
import { nodePlatform } from '../../../../../src/host/node/platform.js';
import { erasedWord, isErased, onlyClears } from '../../../../../src/core/update/write/bits.js';

const platform = await nodePlatform();

t.test('a range is erased when each of its bytes is 0xFF, whatever is around it', (t) => {
  const byte = oneof({ weight: 9, arbitrary: constant(0xff) }, nat(0xff));
  const ranges = nat(40).chain((length) =>
    tuple(array(byte, { minLength: length, maxLength: length }), nat(length), nat(length)),
  );
  assert(
    property(ranges, ([bytes, a, b]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const wanted = bytes.slice(from, to).every((each) => each === 0xff);
      return isErased(Uint8Array.from(bytes), platform, from, to) === wanted;
    }),
  );
  const block = new Uint8Array(64).fill(0xff);
  t.ok(isErased(block, platform));
  for (const at of [0, 1, 31, 62, 63]) {
    const other = Uint8Array.from(block);
    other[at] = 0xfe;
    t.notOk(isErased(other, platform), `byte ${at}`);
  }
  t.notOk(isErased(new Uint8Array(8).fill(0x41), platform), 'bytes that are all alike');
  t.end();
});

t.test('only clears: no bit has to be set, in any byte', (t) => {
  const bytes = uint8Array({ minLength: 40, maxLength: 40 });
  const clearing = tuple(bytes, bytes).map(
    ([have, mask]) => [have, have.map((byte, at) => byte & (mask[at] as number))] as const,
  );
  assert(
    property(
      clearing,
      nat(3),
      nat(3),
      nat(37),
      nat(40 * 8),
      boolean(),
      ([have, want], a, b, length, bit, flips) => {
        const held = have.subarray(a, a + length);
        const wanted = Uint8Array.from({ length: length + b }, (_, at) => want[a + at - b] ?? 0).subarray(b);
        if (flips && bit < length * 8) wanted[bit >> 3] = (wanted[bit >> 3] as number) ^ (1 << (bit & 7));
        const all = wanted.every((byte, at) => (byte & ~(held[at] as number)) === 0);
        return onlyClears(held, wanted) === all;
      },
    ),
    { numRuns: 2000 },
  );
  t.end();
});

t.test('the first erased word is found, and never one behind it', (t) => {
  const byte = oneof({ weight: 9, arbitrary: constant(0xff) }, nat(0xff));
  const ranges = nat(40).chain((length) =>
    tuple(array(byte, { minLength: length, maxLength: length }), nat(length), nat(length), nat(3)),
  );
  assert(
    property(ranges, ([bytes, a, b, shift]) => {
      const [from, to] = [Math.min(a, b), Math.max(a, b)];
      const within = Uint8Array.from([...Array<number>(shift).fill(0xff), ...bytes, 0xff, 0xff, 0xff]);
      const found = erasedWord(within.subarray(shift, shift + bytes.length), from, to);
      // Of a buffer that does not begin with a word nothing is known.
      if (shift !== 0) return found === from;
      const begins = (at: number): boolean =>
        at % 4 === 0 &&
        at >= from &&
        bytes.slice(at, Math.min(at + 4, to)).filter((each) => each === 0xff).length === 4;
      const first = bytes.findIndex((_, at) => begins(at));
      return found === (first < 0 ? to : first);
    }),
  );
  t.end();
});
