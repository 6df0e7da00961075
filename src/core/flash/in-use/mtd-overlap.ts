import type { MtdFacts } from '../mtd-syscalls.js';
import { UnknownUseError } from './system.js';

/** How another MTD lies to the one that is asked about. */
export type Overlap = 'above' | 'below' | 'across' | 'perhaps';

/** The MTDs that share flash with `entry`, or may. */
export function overlapping<Mtd extends MtdFacts>(
  entry: Mtd,
  all: readonly Mtd[],
): { readonly entry: Mtd; readonly how: Overlap }[] {
  // Kernels before 4.1 have no `offset`, and a partition looks like a chip there.
  const tellsOffsets = all.some(({ offset }) => offset !== null);
  const mine = placeOf(entry, all);
  return all.flatMap((other) => {
    if (other.index === entry.index) return [];
    const how = overlapOf(mine, placeOf(other, all), tellsOffsets);
    return how === null ? [] : [{ entry: other, how }];
  });
}

/** Where an MTD lies on the uppermost one that is known of. */
interface Place {
  readonly chain: readonly MtdFacts[];
  readonly top: MtdFacts;
  readonly from: number;
  readonly to: number;
}

function placeOf(entry: MtdFacts, all: readonly MtdFacts[]): Place {
  const chain = [entry];
  let [top, from] = [entry, 0];
  while (top.parent !== null) {
    const { index, offset, parent } = top;
    const above = all.find((other) => other.index === parent);
    if (above === undefined)
      throw new UnknownUseError(`mtd${parent}, of which mtd${index} is a part, is not listed`);
    if (chain.includes(above)) throw new UnknownUseError(`mtd${index} is said to lie within itself`);
    if (offset === null) throw new UnknownUseError(`it is not told where in mtd${parent} mtd${index} lies`);
    from += offset;
    chain.push(above);
    top = above;
  }
  return { chain, top, from, to: from + entry.size };
}

function overlapOf(mine: Place, other: Place, tellsOffsets: boolean): Overlap | null {
  const [me, it] = [mine.chain[0] as MtdFacts, other.chain[0] as MtdFacts];
  if (mine.chain.includes(it)) return 'above';
  if (other.chain.includes(me)) return 'below';
  if (mine.top === other.top) return meet(mine.from, mine.to, other.from, other.to) ? 'across' : null;
  const [a, b] = [mine.top, other.top];
  if (a.siblingsOf !== b.siblingsOf || a.type !== b.type) return null;
  if (a.eraseSize !== b.eraseSize || a.writeSize !== b.writeSize) return null;
  // Two that are no partitions are two chips; one that is none may be the chip of the other.
  if (a.offset === null && b.offset === null) return tellsOffsets ? null : 'perhaps';
  if (a.offset === null || b.offset === null) return 'perhaps';
  // The chip itself is not listed, and these may be two chips of one controller.
  const [c, d] = [a.offset + mine.from, b.offset + other.from];
  return meet(c, c + me.size, d, d + it.size) ? 'perhaps' : null;
}

function meet(fromA: number, toA: number, fromB: number, toB: number): boolean {
  return fromA < toB && fromB < toA;
}
