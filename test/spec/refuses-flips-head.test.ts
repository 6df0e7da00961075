/**
 * Refuses one flipped bit: everything but the images.
 *
 * | promised | shown by |
 * |---|---|
 * | all that is read before the images, and after them | "any bit of headers, MANIFEST, BLOCKS, keys and signatures may be flipped: it is refused" |
 * |  | "any byte of the filler at the end may have a bit flipped: it is refused" |
 */
import t from 'tap';
import { bundle, isData, walk } from '../kit/flip-bundle.js';

const EVERY = [0, 1, 2, 3, 4, 5, 6, 7];

const places = [...bundle.places.entries()];

/** The zeros that fill up the last record. */
const end = Math.max(...places.map(([, place]) => place.end));

/** Members whose every bit is flipped, and one whose header is. */
const WHOLE = new Set(['MANIFEST', 'publickey', 'BLOCKS', 'BLOCKS.sig']);
const HEADER = 'image-kernel';

const matters = (at: number): boolean =>
  places.some(([name, { header, start, end }]) =>
    name === HEADER ? at >= header && at < start : WHOLE.has(name) && at >= start && at < end,
  );

/**
 * Every bit of the small members (of the signatures one stands for all) and of one header, and one bit of each
 * other byte. With SLUICE_EVERY_BIT=1 every bit of all of it, which takes minutes.
 */
function bitsOf(at: number): readonly number[] {
  if (at >= end || isData(at)) return [];
  return process.env['SLUICE_EVERY_BIT'] === '1' || matters(at) ? EVERY : [(at * 3 + (at >> 3)) % 8];
}

t.test(
  'any bit of headers, MANIFEST, BLOCKS, keys and signatures may be flipped: it is refused',
  async (t) => {
    const { runs, faults, written } = await walk(bitsOf);
    t.ok(runs > 15_000, `${runs} sessions`);
    t.same(faults, []);
    t.ok((written.get(0) ?? 0) > 12_000, 'most are refused before the first block');
  },
);

t.test('any byte of the filler at the end may have a bit flipped: it is refused', async (t) => {
  const { faults, written } = await walk((at) => (at >= end && at % 8 === 0 ? [(at * 3) % 8] : []));
  t.same(faults, []);
  t.same([...written.keys()], [3], 'every block is written but the two that wait for commit');
});
