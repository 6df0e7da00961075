/** The catalogue of what is cut. Layouts are those of real boards with fewer blocks, so that thousands of runs fit. */
import type { ScenarioSpec, UpdateSpec, Way } from './scenario.js';

/** As quanta-q71l and the openbmc layouts: the two loaders, kernel, root file system, writable rest. */
const Q71L = { 'u-boot': 2, 'u-boot-env': 1, kernel: 3, rofs: 6, rwfs: 3 } as const;
/** As layouts whose kernel is in a partition with spare blocks for NAND. */
const SPARE = { 'u-boot': 3, kernel: 5, rofs: 9, rwfs: 3 } as const;

/** Everything changes somewhere: whole images, one that is right but for a block, one of a single block. */
const WHOLE = { 'u-boot': 'kn', 'u-boot-env': 'n', kernel: 'nnt', rofs: 'nkgfct', rwfs: 'nk' } as const;
const ROFS = { kernel: 'nnt', rofs: 'nkgfcn' } as const;

const WAYS: readonly Way[] = ['proven', 'checked', 'before-commit', 'unsigned'];

const update = (way: Way, images: UpdateSpec['images'], more: Partial<UpdateSpec> = {}): UpdateSpec => ({
  way,
  images,
  ...more,
});

function* catalogue(): Generator<ScenarioSpec> {
  for (const type of ['nor', 'nand'] as const) {
    const four = { 'u-boot': 'kn', kernel: 'nnt', rofs: 'nkgfct', rwfs: 'nk' };
    for (const way of WAYS) {
      yield {
        name: `${type} whole ${way}`,
        type,
        blocks: Q71L,
        update: update(way, way === 'proven' ? WHOLE : four),
      };
    }
    for (const way of WAYS) {
      const images = { kernel: 'nnt' };
      yield {
        name: `${type} kernel ${way}`,
        type,
        blocks: Q71L,
        update: update(way, images, { only: ['kernel'] }),
        second: 'all',
      };
    }
    for (const way of ['proven', 'before-commit'] as const) {
      const images = { kernel: 'knc', rofs: 'kgncft' };
      const only = ['kernel', 'rofs'];
      yield { name: `${type} mixed ${way}`, type, blocks: Q71L, update: update(way, images, { only }) };
      yield {
        name: `${type} bmc ${way}`,
        type,
        blocks: Q71L,
        update: update(way, { kernel: 'nnk', rofs: 'nncfnk' }, { whole: true }),
      };
      yield {
        name: `${type} bmc parts ${way}`,
        type,
        blocks: Q71L,
        update: update(way, { kernel: 'nnk', rofs: 'nncfnk' }, { whole: true, only: ['kernel', 'rofs'] }),
      };
      yield {
        name: `${type} other bundle ${way}`,
        type,
        blocks: Q71L,
        update: update(way, ROFS, { only }),
        next: [update(way, { kernel: 'nt', rofs: 'nnnkn' }, { only, seed: 2 })],
      };
      for (const ending of ['later', 'abandoned'] as const) {
        yield {
          name: `${type} ${ending} ${way}`,
          type,
          blocks: Q71L,
          update: update(way, { kernel: 'nnt', rofs: 'kngfct', rwfs: 'kk' }, { ending }),
        };
      }
      yield {
        name: `${type} going back ${way}`,
        type,
        blocks: Q71L,
        update: update(way, ROFS, { only }),
        next: [update(way, { kernel: 'kkk', rofs: 'kkkkkk' }, { only })],
      };
      yield {
        name: `${type} kernel after rofs ${way}`,
        type,
        blocks: Q71L,
        update: update(way, { rofs: 'nkgfcn' }, { only: ['rofs'] }),
        next: [
          update(way, { kernel: 'nnt' }, { only: ['kernel'], seed: 3 }),
          update(way, { rofs: 'nkgfcn' }, { only: ['rofs'] }),
        ],
      };
    }
  }
  for (const way of ['proven', 'before-commit'] as const) {
    const images = { kernel: 'nnnt', rofs: 'nnkgfct' };
    const only = ['kernel', 'rofs'];
    yield {
      name: `nand bad ${way}`,
      type: 'nand',
      blocks: SPARE,
      factoryBad: [1, 4, 10],
      update: update(way, images, { only }),
    };
    yield {
      name: `nand going bad ${way}`,
      type: 'nand',
      blocks: SPARE,
      factoryBad: [10],
      faults: ['weak:5:erase', 'weak:12:program'],
      update: update(way, images, { only }),
    };
    yield {
      name: `nand bad other bundle ${way}`,
      type: 'nand',
      blocks: SPARE,
      factoryBad: [10],
      faults: ['weak:11:program'],
      update: update(way, images, { only }),
      next: [update(way, { kernel: 'nnn', rofs: 'nnnnn' }, { only, seed: 2 })],
    };
  }
  yield {
    name: 'nor index smaller',
    eraseSize: 16384,
    blocks: { kernel: 3, rofs: 4 },
    update: update('proven', { kernel: 'nct', rofs: 'nkgt' }, { indexBlock: 4096 }),
  };
  yield {
    name: 'nor index larger',
    blocks: Q71L,
    update: update('proven', ROFS, { indexBlock: 16384 }),
  };
  yield {
    name: 'nand index larger',
    type: 'nand',
    blocks: Q71L,
    update: update('proven', ROFS, { indexBlock: 8192 }),
  };
  for (const way of ['proven', 'before-commit'] as const) {
    yield {
      name: `nor large blocks ${way}`,
      eraseSize: 65536,
      blocks: { kernel: 3, rofs: 3 },
      update: update(way, { kernel: 'nct', rofs: 'ngt' }, { only: ['kernel', 'rofs'] }),
    };
    yield {
      name: `nor windows ${way}`,
      eraseSize: 512,
      blocks: { kernel: 20, rofs: 80 },
      update: update(
        way,
        { kernel: 'nnnnckkkkkknnnnt', rofs: `n${'nncknnfnnn'.repeat(7)}t` },
        { only: ['kernel', 'rofs'] },
      ),
      second: 0,
    };
  }
}

/** All scenarios, by names that are theirs alone. */
export const SCENARIOS: readonly ScenarioSpec[] = [...catalogue()];
