/** A board in a folder of its own, and the bundles that are sent to it. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createSimChip } from '../../../src/host/node/flash/sim-file/target.js';
import { BLOCK, LAYOUT, OLD, range } from '../../system/board.js';
import { bundleBytes, generateBundle, type BundleSpec, type ImageSpec } from '../../kit/generated-bundle.js';
import { writeKeyStore } from '../../kit/keys.js';

/** Images for all partitions: whole blocks, a piece of one, and one byte more than a block. */
const images = (
  changed: Readonly<Record<string, readonly number[]>> = {},
  seed = 0,
): readonly ImageSpec[] => [
  { name: 'kernel', size: 5 * BLOCK + 1, seed: seed + 1, changed: changed['kernel'] ?? [] },
  { name: 'rofs', size: 9 * BLOCK, seed: seed + 2, changed: changed['rofs'] ?? [] },
  { name: 'rwfs', size: 70_000, seed: seed + 3, changed: changed['rwfs'] ?? [] },
  { name: 'u-boot', size: 4 * BLOCK - 3, seed: seed + 4, changed: changed['u-boot'] ?? [] },
];

/** A bundle, with what GNU tar finds in it. */
export interface Bundle {
  readonly name: string;
  /** Paths of the same bundle, packed differently. */
  readonly proven: string;
  readonly gzip: string;
  readonly stock: string;
  readonly images: ReadonlyMap<string, Buffer>;
}

function makeBundle(dir: string, name: string, spec: BundleSpec): Bundle {
  const write = (file: string, bytes: Uint8Array): string => {
    const path = join(dir, file);
    writeFileSync(path, bytes);
    return path;
  };
  const bytes = bundleBytes(generateBundle({ ...spec, kind: 'proven' }));
  const proven = write(`${name}.tar`, bytes);
  const folder = join(dir, name);
  mkdirSync(folder);
  execFileSync('tar', ['-xf', proven, '-C', folder]);
  const found = readdirSync(folder).flatMap((member) => {
    const [, partition] = /^image-([^.]+)$/.exec(member) ?? [];
    return partition === undefined ? [] : [[partition, readFileSync(join(folder, member))] as const];
  });
  return {
    name,
    proven,
    gzip: write(`${name}.tar.gz`, gzipSync(bytes, { level: 1 })),
    stock: write(`${name}-stock.tar`, bundleBytes(generateBundle({ ...spec, kind: 'stock' }))),
    images: new Map(found),
  };
}

/** Everything for one lane of rounds. */
export class Site {
  readonly dir: string;
  readonly chip: string;
  readonly state: string;
  readonly keys: string;
  /** Two versions that differ in some blocks, and one in which all are other ones. */
  readonly bundles: Readonly<Record<'first' | 'second' | 'other', Bundle>>;

  /** @param scale - real time for one unit of the chip's time; 0: no waiting */
  constructor(dir: string, scale: number) {
    mkdirSync(dir, { recursive: true });
    this.dir = dir;
    this.chip = join(dir, 'board', 'chip.bin');
    this.state = join(dir, 'state');
    mkdirSync(join(dir, 'board'));
    mkdirSync(this.state, { mode: 0o700 });
    this.keys = writeKeyStore(join(dir, 'keys'));
    const from = join(dir, 'bundles');
    mkdirSync(from);
    const changed = { kernel: [0, 3], rofs: [1, 2, 8], 'u-boot': [3] };
    this.bundles = {
      first: makeBundle(from, 'first', { images: images(), version: '2.19.0' }),
      second: makeBundle(from, 'second', { images: images(changed), version: '2.20.0' }),
      other: makeBundle(from, 'other', { images: images({}, 50), version: '2.21.0' }),
    };
    createSimChip(this.chip, {
      layout: { ...LAYOUT, partitions: [...LAYOUT.partitions] },
      timing: 'w25q256jv',
      scale,
    });
    this.put(OLD);
  }

  get args(): readonly string[] {
    return ['--flash', `sim:${this.chip}`, '--keys', this.keys, '--machine', 'quanta-q71l'];
  }

  bytes(): Buffer {
    return readFileSync(this.chip);
  }

  put(bytes: Buffer): void {
    writeFileSync(this.chip, bytes);
  }

  /** A board as on the first day: other bytes in the chip, and no state. */
  reset(bytes: Buffer): void {
    for (const path of [this.state, join(this.dir, 'board')]) {
      for (const name of readdirSync(path)) {
        if (name !== 'chip.bin' && name !== 'chip.bin.json') rmSync(join(path, name), { recursive: true });
      }
    }
    this.put(bytes);
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }
}

/** `chip` with images of the bundle in it: what an update of these partitions has to leave. */
export function withImages(chip: Buffer, bundle: Bundle, only: readonly string[] | null = null): Buffer {
  const after = Buffer.from(chip);
  for (const [name, image] of bundle.images) {
    if (only !== null && !only.includes(name)) continue;
    const { offset } = range(name);
    after.fill(0xff, offset, offset + Math.ceil(image.length / BLOCK) * BLOCK);
    after.set(image, offset);
  }
  return after;
}
