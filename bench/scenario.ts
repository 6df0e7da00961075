/** What a scenario is: everything that decides what an update costs, as data. */
import { PIECE, type ImageSpec } from '../test/kit/generated-bundle.js';
import { KIB, MIB } from './figures.js';

/** How the bytes come. `memory`: the harness hands them to the session itself. Others are programs of their own. */
export const SOURCES = ['memory', 'file', 'pipe', 'push', 'pull'] as const;
export type SourceKind = (typeof SOURCES)[number];

export interface Scenario {
  /** Letters, digits, dots and hyphens; what stands before the first hyphen is its group in the report. */
  readonly name: string;
  /**
   * `virtual`: in this process, on a chip with timing whose time does not pass: exact and the same everywhere.
   * `program`: the program as it is installed, sampled from outside, on a chip in a file that takes no time unless it
   * has a scale.
   */
  readonly how: 'virtual' | 'program';
  readonly chip: {
    readonly type: 'nor' | 'nand';
    /** A model of src/core/sim/timing.ts; null takes no time. */
    readonly timing: string | null;
    /** Real time for a unit of the model's, where the program writes to it. @default 0, it takes none */
    readonly scale?: number;
    /** KiB of an erase block. @default what chips of this type have */
    readonly eraseKiB?: number;
  };
  readonly imageMiB: number;
  readonly change: {
    /** Share of the erase blocks that differ from what is in flash. */
    readonly percent: 0 | 1 | 5 | 25 | 100;
    readonly spread: 'scattered' | 'together';
  };
  readonly source: SourceKind;
  /** MiB/s at which bytes come at most; null: as fast as they are taken. */
  readonly link: number | null;
  /** `stock`: as OpenBMC makes them, without an index of the blocks. */
  readonly bundle: 'proven' | 'stock';
  readonly policy: 'before-erase' | 'before-commit';
  /** Runs whose figures are kept; `virtual` needs but one. */
  readonly repeats: number;
}

/** Bytes of an erase block of a scenario's chip. */
export function eraseSizeOf({ chip }: Scenario): number {
  return (chip.eraseKiB ?? (chip.type === 'nor' ? 64 : 128)) * KIB;
}

/** The image that is written, and the one that is in flash before it. Blocks that differ need an erase. */
export function imagesOf(scenario: Scenario): { readonly before: ImageSpec; readonly after: ImageSpec } {
  const eraseSize = eraseSizeOf(scenario);
  const size = scenario.imageMiB * MIB;
  const blocks = Math.ceil(size / eraseSize);
  const { percent, spread } = scenario.change;
  const count = percent === 0 ? 0 : Math.max(1, Math.round((blocks * percent) / 100));
  // Away from the first block, which is written last, unless all are meant.
  const first = count === blocks ? 0 : 1;
  const step = spread === 'scattered' ? (blocks - first) / Math.max(count, 1) : 1;
  const start = spread === 'scattered' ? first : first + Math.floor((blocks - first - count) / 2);
  const changed = Array.from({ length: count }, (_, k) => start + Math.floor(k * step));
  const image = { name: 'rofs', size, seed: 1 };
  return {
    before: { ...image, changed: [] },
    after: { ...image, changed: changed.map((block) => Math.floor((block * eraseSize) / PIECE)) },
  };
}
