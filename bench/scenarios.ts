/** The scenarios. A new way in (TFTP, IPMI blobs) is a new `SourceKind`, its sender in ways.ts, and rows here. */
import type { Scenario, SourceKind } from './scenario.js';

const NOR = { type: 'nor', timing: 'n25q256a' } as const;
const NAND = { type: 'nand', timing: 'w25n01gv' } as const;
const ALL = { percent: 100, spread: 'together' } as const;

const virtual = (name: string, rest: Partial<Scenario>): Scenario => ({
  name,
  how: 'virtual',
  chip: NOR,
  imageMiB: 32,
  change: ALL,
  source: 'memory',
  link: null,
  bundle: 'proven',
  policy: 'before-erase',
  repeats: 1,
  ...rest,
});

/** What changes, and where: the BMC's usual chips. */
const CHANGES = ([1, 5, 25, 100] as const).flatMap((percent) =>
  (['scattered', 'together'] as const)
    .filter((spread) => percent !== 100 || spread === 'together')
    .map((spread) => ({ percent, spread })),
);

const timed: Scenario[] = [
  virtual('timed-nor-0', { change: { percent: 0, spread: 'together' } }),
  ...CHANGES.map((change) => virtual(`timed-nor-${change.percent}-${change.spread}`, { change })),
  virtual('timed-nand-0', { chip: NAND, change: { percent: 0, spread: 'together' } }),
  ...CHANGES.map((change) =>
    virtual(`timed-nand-${change.percent}-${change.spread}`, { chip: NAND, change }),
  ),
  ...(['mx25l25635e', 'w25q256jv', 'mt25ql256'] as const).flatMap((timing) => [
    virtual(`timed-${timing}-100`, { chip: { type: 'nor', timing } }),
    virtual(`timed-${timing}-5`, {
      chip: { type: 'nor', timing },
      change: { percent: 5, spread: 'scattered' },
    }),
  ]),
  // A stock tarball that is written before its signatures are known.
  virtual('timed-stock-100', { bundle: 'stock', policy: 'before-commit' }),
];

/** A link beside a chip: the total is to be the longer of the two. */
const linked: Scenario[] = [
  virtual('link-nor-100', { link: 1 }),
  virtual('link-nand-100', { chip: NAND, link: 1 }),
  virtual('link-nor-25-together', { link: 1, change: { percent: 25, spread: 'together' } }),
  virtual('link-nor-5-scattered', { link: 1, change: { percent: 5, spread: 'scattered' } }),
  virtual('link-nor-0', { link: 1, change: { percent: 0, spread: 'together' } }),
];

const program = (name: string, rest: Partial<Scenario>): Scenario => ({
  name,
  how: 'program',
  chip: { type: 'nand', timing: null },
  imageMiB: 64,
  change: ALL,
  source: 'file',
  link: null,
  bundle: 'proven',
  policy: 'before-erase',
  repeats: 3,
  ...rest,
});

/** MiB of the images of the curves. */
const SIZES = [1, 4, 16, 64, 256, 1024] as const;
/** KiB of the erase blocks of the curve of throughput; the bundles' own blocks are of 64. */
const BLOCKS = [64, 128, 256, 512] as const;
const WAYS: readonly SourceKind[] = ['file', 'pipe', 'push', 'pull'];

const sizes: Scenario[] = WAYS.flatMap((source) =>
  SIZES.map((imageMiB) =>
    program(`curve-${source}-${imageMiB}`, { source, imageMiB, repeats: imageMiB > 256 ? 1 : 3 }),
  ),
);

const blocks: Scenario[] = BLOCKS.map((eraseKiB) =>
  program(`block-${eraseKiB}`, { chip: { type: 'nor', timing: null, eraseKiB } }),
);

const policies: Scenario[] = [
  program('stock-file', { bundle: 'stock' }),
  program('stock-push', { bundle: 'stock', policy: 'before-commit', source: 'push' }),
  program('sparse-5', { change: { percent: 5, spread: 'scattered' } }),
  program('sparse-0', { change: { percent: 0, spread: 'together' } }),
];

/** What comes waits while a block is written: that memory does not grow with it is another promise. */
const slow: Scenario[] = (['push', 'pull'] as const).map((source) =>
  program(`slow-${source}`, { chip: { ...NOR, scale: 0.02 }, imageMiB: 48, source }),
);

export const SCENARIOS: readonly Scenario[] = [
  ...timed,
  ...linked,
  ...sizes,
  ...blocks,
  ...policies,
  ...slow,
];
