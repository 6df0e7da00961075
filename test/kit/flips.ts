/** Sessions over bundles with one flipped bit, and the checks after each session. */
import type { Layout, MemoryTarget } from '../../src/core/sim/index.js';
import type { TrustPolicy } from '../../src/core/trust/trust.js';
import type { MadeBundle } from './bundle-maker.js';
import {
  erased,
  ERASE,
  nor,
  padded,
  partitionIn,
  piecesAt,
  quickChain,
  quickPlatform,
  recorder,
  same,
  SMALL,
  update,
  type Result,
} from './update-kit.js';

/** One erase block of an image: its range in the tarball, and its expected content in flash. */
export interface ImageBlock {
  readonly partition: string;
  /** From the start of the image. */
  readonly index: number;
  /** Erase block of the chip. */
  readonly block: number;
  /** End of its range in the tarball, exclusive. */
  readonly end: number;
  readonly content: Uint8Array;
}

/** The erase blocks of all images, in the order of the tarball. */
export function imageBlocks(
  bundle: MadeBundle,
  images: Readonly<Record<string, Uint8Array>>,
  layout = SMALL,
  eraseSize = ERASE,
): ImageBlock[] {
  return Object.entries(images).flatMap(([partition, bytes]) => {
    const place = bundle.places.get(`image-${partition}`);
    if (place === undefined) throw new Error(`no image-${partition}`);
    const whole = padded(bytes, eraseSize);
    const first = partitionIn(layout, partition).offset / eraseSize;
    return Array.from({ length: whole.length / eraseSize }, (_, index) => ({
      partition,
      index,
      block: first + index,
      end: Math.min(place.end, place.start + (index + 1) * eraseSize),
      content: whole.subarray(index * eraseSize, (index + 1) * eraseSize),
    }));
  });
}

export interface FlipRun extends Result {
  readonly target: MemoryTarget;
  /** Blocks of the chip that were erased or programmed. */
  readonly touched: ReadonlySet<number>;
}

export interface FlipOptions {
  readonly policy?: TrustPolicy;
  readonly cuts?: readonly number[];
  readonly layout?: Layout;
}

/** Runs one session over `bundle` with a flipped bit; restores the bundle before it resolves. */
export async function runFlipped(
  bytes: Uint8Array,
  at: number,
  bit: number,
  before: Uint8Array,
  { policy = 'before-erase', cuts = [], layout = SMALL }: FlipOptions = {},
): Promise<FlipRun> {
  const { changes, onOperation } = recorder();
  const target = nor({ layout, content: before.slice(), onOperation });
  bytes[at] = (bytes[at] as number) ^ (1 << bit);
  try {
    const options = { policy, trust: quickChain(), platform: quickPlatform };
    const result = await update(target, piecesAt(bytes, cuts), options);
    return { ...result, target, touched: new Set(changes.map(({ block }) => block)) };
  } finally {
    bytes[at] = (bytes[at] as number) ^ (1 << bit);
  }
}

/** The fault in the result of a proven bundle with a flipped bit, or null. */
export function provenFault(
  { receipt, error, target, touched }: FlipRun,
  at: number,
  before: Uint8Array,
  blocks: readonly ImageBlock[],
): string | null {
  if (error === null) return 'it was committed';
  if (error.exit !== 3 && error.exit !== 4) return `it ended in ${error.code}`;
  if (receipt.code !== error.code || receipt.outcome !== 'refused') return 'the receipt says otherwise';
  const { eraseSize } = target.chip.geometry;
  const allowed = new Map(blocks.filter(({ end }) => end <= at).map((block) => [block.block, block]));
  for (const block of touched) if (!allowed.has(block)) return `${error.code}: block ${block} was touched`;
  for (let block = 0; block < before.length / eraseSize; block++) {
    const now = target.bytes.subarray(block * eraseSize, (block + 1) * eraseSize);
    const old = before.subarray(block * eraseSize, (block + 1) * eraseSize);
    const proven = allowed.get(block);
    const right = touched.has(block) && proven !== undefined ? proven.content : old;
    if (!same(now, right)) return `block ${block} holds something else`;
  }
  const state = touched.size === 0 ? 'untouched' : 'partial';
  if (receipt.flash !== state || error.flash !== state) return `the flash is ${state}, not ${receipt.flash}`;
  return null;
}

/** The fault in the result of a session whose images were never verified, or null. */
export function gateFault({ receipt, error, target, touched }: FlipRun, before: Uint8Array): string | null {
  if (error === null) return 'it was committed';
  if (error.exit !== 3 && error.exit !== 4) return `it ended in ${error.code}`;
  const { eraseSize } = target.chip.geometry;
  for (const [name, { offset, size }] of target.partitions) {
    if (name === 'bmc') continue;
    const first = offset / eraseSize;
    const count = size / eraseSize;
    const changed = [...touched].some((block) => block >= first && block < first + count);
    const now = target.bytes.subarray(offset, offset + size);
    if (changed && !erased(now.subarray(0, eraseSize))) return `${error.code}: the gate of ${name} is open`;
    if (!changed && !same(now, before.subarray(offset, offset + size))) return `${name} was changed`;
  }
  const state = touched.size === 0 ? 'untouched' : 'partial';
  return receipt.flash === state ? null : `the flash is ${state}, not ${receipt.flash}`;
}
