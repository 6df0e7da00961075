/** Which pages of a block are programmed. */
import { assert, constant, constantFrom, integer, oneof, property, tuple, uint8Array } from 'fast-check';
import t from 'tap';
import { pageRuns, pageSizeOf, type Run } from '../../../../../src/core/update/write/page-runs.js';
import { platform } from '../../../../kit/update-kit.js';

const ERASED = 0xff;

/** As it would be done with no thought of time: page by page. */
function slowly(want: Uint8Array, have: Uint8Array, page: number): Run[] {
  const runs: [number, number][] = [];
  for (let at = 0; at < want.length; at += page) {
    const end = Math.min(at + page, want.length);
    if (want.subarray(at, end).every((byte, i) => byte === have[at + i])) continue;
    const last = runs.at(-1);
    if (last?.[1] === at) last[1] = end;
    else runs.push([at, end]);
  }
  return runs;
}

// Stretches of erased bytes, noise and single bytes, so that words and pages are erased in every place.
const stretch = oneof(
  tuple(constant(ERASED), integer({ min: 0, max: 40 })),
  tuple(integer({ min: 0, max: 0xff }), integer({ min: 0, max: 9 })),
);
const content = (length: number): ReturnType<typeof uint8Array> =>
  uint8Array({ minLength: length, maxLength: length });

t.test('all pages that differ and no others, neighbouring ones together', (t) => {
  const cases = tuple(
    constantFrom(4, 6, 7, 8, 16, 256),
    integer({ min: 0, max: 3 }),
    oneof(constant([] as [number, number][]), tuple(stretch, stretch, stretch, stretch, stretch)),
    content(24),
  );
  assert(
    property(cases, ([page, shift, stretches, noise]) => {
      const bytes = [...stretches.flatMap(([byte, times]) => Array<number>(times).fill(byte)), ...noise];
      const want = Uint8Array.from([...Array<number>(shift).fill(ERASED), ...bytes]).subarray(shift);
      const erased = new Uint8Array(want.length).fill(ERASED);
      const runs = [...pageRuns(want, null, page, platform)];
      const same = JSON.stringify(runs) === JSON.stringify(slowly(want, erased, page));
      return same && JSON.stringify([...pageRuns(want, erased, page, platform)]) === JSON.stringify(runs);
    }),
    { numRuns: 2000 },
  );
  t.end();
});

t.test('against what is in flash', (t) => {
  assert(
    property(content(40), uint8Array({ minLength: 40, maxLength: 40, max: 3 }), (want, changes) => {
      const have = want.map((byte, at) => (changes[at] === 0 ? byte ^ 1 : byte));
      return JSON.stringify([...pageRuns(want, have, 8, platform)]) === JSON.stringify(slowly(want, have, 8));
    }),
  );
  t.end();
});

t.test('pages of noise are not looked at one by one, to see that none is erased', (t) => {
  // Each page begins as an erased one does.
  const want = Uint8Array.from({ length: 65536 }, (_, at) => (at % 256 === 0 ? 0xff : (at * 7919) & 0x7f));
  let looks = 0;
  const counting = {
    ...platform,
    equal: (a: Uint8Array, b: Uint8Array) => (looks++, platform.equal(a, b)),
  };
  t.same([...pageRuns(want, null, 256, counting)], [[0, 65536]]);
  t.equal(looks, 2, 'the first and the last one');
  t.end();
});

t.test('a last page that is too short for a word', (t) => {
  for (const short of [1, 2, 3]) {
    const want = new Uint8Array(16 + short).fill(ERASED);
    want.fill(1, 0, 16);
    t.same([...pageRuns(want, null, 8, platform)], [[0, 16]], `${short} bytes`);
  }
  t.same([...pageRuns(new Uint8Array(16).fill(1), null, 16, platform)], [[0, 16]], 'one page');
  t.end();
});

t.test('a page is what a chip programs at once, at least that of SPI NOR', (t) => {
  t.same([1, 2, 256, 512, 2048].map(pageSizeOf), [256, 256, 256, 512, 2048]);
  t.equal(pageSizeOf(48), 288, 'a whole number of its smallest program');
  t.end();
});
