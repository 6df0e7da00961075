/** The small proven bundle that is walked bit by bit, and the walk. */
import { makeBundle } from './bundle-maker.js';
import { imageBlocks, provenFault, runFlipped } from './flips.js';
import { ERASE, layoutOf, oldContent } from './update-kit.js';
import { noise } from './noise.js';

/** A chip of six blocks: a session costs what its chip costs, and there are tens of thousands of them. */
export const layout = layoutOf({ kernel: 2, rofs: 4 });

/** A short block behind a whole one, and a single byte behind two whole ones. */
export const images = { kernel: noise(ERASE + 200, 1), rofs: noise(2 * ERASE + 1, 2) };

export const bundle = makeBundle({ images, kind: 'proven' });

const before = oldContent(layout.size);
export const blocks = imageBlocks(bundle, images, layout);

const data = Object.keys(images).map((name) => bundle.places.get(`image-${name}`));

/** Whether the byte is an image's; all others are headers, small members, padding and the end. */
export const isData = (at: number): boolean =>
  data.some((place) => place !== undefined && at >= place.start && at < place.end);

export interface Walk {
  readonly runs: number;
  /** The first faults, each with the bit that made it; none is right. */
  readonly faults: readonly string[];
  /** Sessions by the blocks that they had written when they were refused. */
  readonly written: ReadonlyMap<number, number>;
}

/** Flips bits of the bundle, one a session. */
export async function walk(bitsOf: (at: number) => readonly number[]): Promise<Walk> {
  const faults: string[] = [];
  const written = new Map<number, number>();
  let runs = 0;
  for (let at = 0; at < bundle.bytes.length; at++) {
    for (const bit of bitsOf(at)) {
      runs++;
      const run = await runFlipped(bundle.bytes, at, bit, before, { layout });
      const fault = provenFault(run, at, before, blocks);
      if (fault !== null && faults.length < 10) faults.push(`bit ${bit} of byte ${at}: ${fault}`);
      written.set(run.touched.size, (written.get(run.touched.size) ?? 0) + 1);
    }
  }
  return { runs, faults, written };
}
