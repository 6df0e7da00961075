/** What is cut: a chip with its content, and the updates that come one after the other. */
import type { Layout, LayoutPartition } from '../../../src/core/flash/layout.js';
import type { CheckResult } from '../../../src/core/update/check/check-pass.js';
import { MACHINE, makeBundle } from '../../kit/bundle-maker.js';
import { check, layoutOf, padded, partitionIn, quickChain, quickPlatform } from '../../kit/update-kit.js';
import type { TrustPolicy } from '../../../src/core/trust/trust.js';
import { UnsignedTrust } from '../../../src/core/trust/unsigned-trust.js';
import type { UpdateOptions } from '../../kit/update-kit.js';
import { imageBy, type Recipe } from './content.js';
import { noise } from '../../kit/noise.js';

/** How a bundle is proven: by an index, by a check pass before it, at its end, or not at all. */
export type Way = 'proven' | 'checked' | 'before-commit' | 'unsigned';

/** What comes after the proof: the commit at once, a commit after a wait, or the end of the session. */
export type Ending = 'at-once' | 'later' | 'abandoned';

/** An update as it is written down in a scenario. */
export interface UpdateSpec {
  readonly way: Way;
  /** Recipe of each image by its partition; `bmc` is made of the recipes of the partitions, see `whole`. */
  readonly images: Readonly<Record<string, Recipe>>;
  /** Partitions to write; those of the images where it is left out. */
  readonly only?: readonly string[];
  /** The images as one, `image-bmc`; what no recipe says, is kept. */
  readonly whole?: boolean;
  /** Chooses the new content: another seed is another bundle. @default 1 */
  readonly seed?: number;
  /** Bytes of a block of the index. @default the erase block */
  readonly indexBlock?: number;
  /** @default at-once */
  readonly ending?: Ending;
}

/** A scenario as it is written down. */
export interface ScenarioSpec {
  readonly name: string;
  readonly type?: 'nor' | 'nand';
  /** Bytes. @default 4096 */
  readonly eraseSize?: number;
  /** Blocks of each partition, in their order. */
  readonly blocks: Readonly<Record<string, number>>;
  readonly factoryBad?: readonly number[];
  /** In their text form: blocks that go bad and the like. */
  readonly faults?: readonly string[];
  /** The update that is cut. */
  readonly update: UpdateSpec;
  /** The updates that come after the cut. Default: the same one again, which is committed in the end. */
  readonly next?: readonly UpdateSpec[];
  /** Sampled states with a second cut for each state with one, 0 for none; `all`: every operation. @default 3 */
  readonly second?: number | 'all';
}

/** One update, ready to be run. */
export interface Update {
  readonly bytes: Uint8Array;
  /** What each partition shall hold at its beginning, whole blocks, by its name. */
  readonly wanted: ReadonlyMap<string, Uint8Array>;
  /** Whether the policy shuts the gate before other blocks change. */
  readonly gated: boolean;
  readonly ending: Ending;
  /** Options of a new session. */
  options(): UpdateOptions;
}

/** A scenario, ready to be run. */
export interface Scenario extends ScenarioSpec {
  readonly type: 'nor' | 'nand';
  readonly eraseSize: number;
  readonly layout: Layout;
  readonly content: Uint8Array;
  readonly first: Update;
  readonly after: readonly Update[];
}

const POLICIES: Record<Way, TrustPolicy> = {
  proven: 'before-erase',
  checked: 'before-erase',
  'before-commit': 'before-commit',
  unsigned: 'unsigned',
};

/** Makes the bundles of a scenario. */
export async function makeScenario(spec: ScenarioSpec): Promise<Scenario> {
  const { type = 'nor', eraseSize = 4096, blocks } = spec;
  const layout = layoutOf(blocks, eraseSize);
  const content = noise(layout.size, 77);
  for (const bad of spec.factoryBad ?? []) content.fill(0, bad * eraseSize, (bad + 1) * eraseSize);
  const make = (update: UpdateSpec): Promise<Update> =>
    makeUpdate(update, spec, { layout, content, eraseSize });
  const first = await make(spec.update);
  const again = first.ending === 'abandoned' ? [first, { ...first, ending: 'later' } as const] : [first];
  const after = spec.next === undefined ? again : await Promise.all(spec.next.map(make));
  return { ...spec, type, eraseSize, layout, content, first, after };
}

interface Board {
  readonly layout: Layout;
  readonly content: Uint8Array;
  readonly eraseSize: number;
}

async function makeUpdate(spec: UpdateSpec, scenario: ScenarioSpec, board: Board): Promise<Update> {
  const { way, seed = 1, only = null, indexBlock = board.eraseSize, ending = 'at-once' } = spec;
  const parts = new Map(
    Object.entries(spec.images).map(([name, recipe], index) => {
      const { offset, size } = partitionIn(board.layout, name);
      const old = goodContent(board, scenario.factoryBad ?? [], offset, size);
      return [name, imageBy(recipe, old, board.eraseSize, seed * 10 + index)] as const;
    }),
  );
  const images = spec.whole === true ? { bmc: wholeOf(board, parts) } : Object.fromEntries(parts);
  const wanted = new Map<string, Uint8Array>();
  const tiles = spec.whole === true ? board.layout.partitions.filter(({ name }) => name !== 'bmc') : [];
  for (const [name, image] of spec.whole === true ? sliced(images['bmc'] as Uint8Array, tiles) : parts) {
    if (only === null || only.includes(name)) wanted.set(name, padded(image, board.eraseSize));
  }
  const kind = way === 'proven' ? 'proven' : 'stock';
  const { bytes } = makeBundle({ images, kind, blockSize: Math.max(4096, indexBlock) });
  const expect: CheckResult | null =
    way === 'checked' ? await check(bytes, null, { trust: quickChain(), only }) : null;
  return {
    bytes,
    wanted,
    gated: way === 'before-commit' || way === 'unsigned',
    ending,
    options: () => ({
      platform: quickPlatform,
      trust: way === 'unsigned' ? new UnsignedTrust({ machine: MACHINE }) : quickChain(),
      policy: POLICIES[way],
      only,
      expect,
    }),
  };
}

/** A partition as a boot loader reads it, factory bad blocks skipped; what is missing at its end is noise. */
function goodContent(
  { content, eraseSize }: Board,
  bad: readonly number[],
  at: number,
  size: number,
): Uint8Array {
  const whole = noise(size, 78);
  let to = 0;
  for (let from = at; from < at + size; from += eraseSize) {
    if (bad.includes(from / eraseSize)) continue;
    whole.set(content.subarray(from, from + eraseSize), to);
    to += eraseSize;
  }
  return whole;
}

function wholeOf({ layout, content }: Board, parts: ReadonlyMap<string, Uint8Array>): Uint8Array {
  const whole = content.slice();
  for (const [name, image] of parts) whole.set(image, partitionIn(layout, name).offset);
  return whole;
}

function* sliced(image: Uint8Array, tiles: readonly LayoutPartition[]): Generator<[string, Uint8Array]> {
  for (const { name, offset, size } of tiles) yield [name, image.subarray(offset, offset + size)];
}
