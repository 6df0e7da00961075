/**
 * Refuses one flipped bit: the images.
 *
 * | promised | shown by |
 * |---|---|
 * | the bundle itself is good | "the bundle that is walked commits as it is" |
 * | a flipped bit stops the update before its block | "a bit of an image may be flipped anywhere: it is refused with its block and all later ones" |
 */
import t from 'tap';
import { blocks, bundle, images, isData, layout, walk } from '../kit/flip-bundle.js';
import { nor, oldContent, quickChain, quickPlatform, update, written } from '../kit/update-kit.js';
import { sameBytes } from '../kit/same-bytes.js';

t.test('the bundle that is walked commits as it is', async (t) => {
  const target = nor({ layout });
  const { receipt } = await update(target, bundle.bytes, { trust: quickChain(), platform: quickPlatform });
  t.match(receipt, { outcome: 'committed', flash: 'complete' });
  sameBytes(t, target.bytes, written(oldContent(layout.size), layout, images));
  t.equal(blocks.length, 5);
});

/** With SLUICE_EVERY_BIT=1 every bit, which takes minutes; else one of each byte near block edges, and of every third. */
function bitsOf(at: number): readonly number[] {
  if (!isData(at)) return [];
  if (process.env['SLUICE_EVERY_BIT'] === '1') return [0, 1, 2, 3, 4, 5, 6, 7];
  const edge = blocks.some(({ end }) => Math.abs(at - end) < 64);
  return edge || at % 3 === 0 ? [(at * 5 + (at >> 3)) % 8] : [];
}

t.test(
  'a bit of an image may be flipped anywhere: it is refused with its block and all later ones',
  async (t) => {
    const { runs, faults, written } = await walk(bitsOf);
    t.ok(runs > 4000, `${runs} sessions`);
    t.same(faults, []);
    t.same(
      [...written.keys()],
      [0, 1, 2],
      'the blocks ahead of it are written, but those that wait for commit',
    );
  },
);
