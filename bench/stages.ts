/**
 * What each stage of an update costs: one update in this process, on a chip in memory, with a watch at every door that
 * its bytes go through.
 */
import { join } from 'node:path';
import { TarReader } from '../src/core/bundle/tar/tar-reader.js';
import { memoryTarget, type FlashDevice, type FlashTarget, type Platform } from '../src/core/index.js';
import { generateBundle } from '../test/kit/generated-bundle.js';
import { fromFile, saveBundle } from './bundle-file.js';
import { KIB, MIB } from './figures.js';
import { noisy, type Figure } from './results.js';
import { layoutOf, own, writeBundle } from './update.js';

const SIZE = 128 * MIB;
const BLOCK = 64 * KIB;
const RUNS = 5;

const STAGES = ['receive', 'tar', 'hash', 'compare', 'erase', 'program', 'read-back', 'fingerprint'] as const;
type Stage = (typeof STAGES)[number] | 'session';

/** Seconds by stage. One thing at a time goes on in here, so wall time is processor time. */
class Watch {
  readonly seconds = new Map<Stage, number>();

  now<T>(stage: Stage, act: () => T): T {
    const began = performance.now();
    try {
      return act();
    } finally {
      this.add(stage, began);
    }
  }

  async until<T>(stage: Stage, act: () => Promise<T>): Promise<T> {
    const began = performance.now();
    try {
      return await act();
    } finally {
      this.add(stage, began);
    }
  }

  add(stage: Stage, began: number): void {
    this.seconds.set(stage, (this.seconds.get(stage) ?? 0) + (performance.now() - began) / 1000);
  }

  get sum(): number {
    return [...this.seconds.values()].reduce((sum, each) => sum + each, 0);
  }
}

/** @param folder - for the bundle; it stays there */
export async function measureStages(folder: string): Promise<Figure[]> {
  const path = join(folder, 'stages.tar');
  const image = { name: 'rofs', size: SIZE, seed: 1 };
  saveBundle(path, generateBundle({ images: [image], block: BLOCK }));
  const content = new Uint8Array(SIZE);
  const found = new Map<Stage, number[]>();
  for (let run = 0; run <= RUNS; run++) {
    content.fill(0);
    const watch = await oneRun(path, content);
    // The first one warms up.
    if (run === 0) continue;
    for (const [stage, seconds] of watch.seconds) {
      found.set(stage, [...(found.get(stage) ?? []), seconds / (SIZE / MIB / KIB)]);
    }
  }
  return [...found].map(([stage, values]) => noisy(`stage-${stage}`, 'cpuSecondsPerGiB', 's/GiB', values));
}

async function oneRun(path: string, content: Uint8Array): Promise<Watch> {
  const watch = new Watch();
  await tarAlone(path, watch);
  const target = watched(memoryTarget(layoutOf(SIZE), { content, eraseSize: BLOCK }), watch);
  const platform = watchedPlatform(own, watch);
  const began = performance.now();
  await fromFile(path, (source) => {
    let asked = began;
    return writeBundle(
      target,
      (take) =>
        source.pump(async (bytes) => {
          watch.add('receive', asked);
          await take(bytes);
          asked = performance.now();
        }),
      { platform },
    );
  });
  const total = (performance.now() - began) / 1000;
  await target.close();
  // The tarball was taken apart once more in here.
  watch.seconds.set('session', total - watch.sum);
  return watch;
}

/** The tarball taken apart, and nothing else. */
async function tarAlone(path: string, watch: Watch): Promise<void> {
  const reader = new TarReader({ begin() {}, data() {}, finish() {} });
  await fromFile(path, (source) => source.pump((bytes) => watch.until('tar', () => reader.write(bytes))));
}

/** The flash behind doors with a watch. Reads before a block is touched compare it, those behind read it back. */
function watched(target: FlashTarget, watch: Watch): FlashTarget {
  const devices = new Map<FlashDevice, FlashDevice>();
  const partitions = [...target.partitions].map(([name, partition]) => {
    const { device } = partition;
    const door = devices.get(device) ?? doorOf(device, watch);
    devices.set(device, door);
    return [name, { ...partition, device: door }] as const;
  });
  return { address: target.address, partitions: new Map(partitions), close: () => target.close() };
}

function doorOf(device: FlashDevice, watch: Watch): FlashDevice {
  const touched = new Set<number>();
  const { eraseSize } = device.geometry;
  return new Proxy(device, {
    get(of, name) {
      const found: unknown = Reflect.get(of, name, of);
      if (typeof found !== 'function') return found;
      const act = (...args: unknown[]): unknown => Reflect.apply(found, of, args);
      if (name === 'read') {
        return (offset: number, ...rest: unknown[]) => {
          const stage = touched.has(Math.floor(offset / eraseSize)) ? 'read-back' : 'compare';
          return watch.until(stage, async () => act(offset, ...rest));
        };
      }
      if (name === 'erase') {
        return (block: number, ...rest: unknown[]) => {
          touched.add(block);
          return watch.until('erase', async () => act(block, ...rest));
        };
      }
      if (name === 'program') return (...args: unknown[]) => watch.until('program', async () => act(...args));
      return act;
    },
  });
}

function watchedPlatform(platform: Platform, watch: Watch): Platform {
  return {
    ...platform,
    hasher(name) {
      const hasher = platform.hasher(name);
      return {
        update: (bytes) => watch.now('hash', () => hasher.update(bytes)),
        digest: () => watch.now('hash', () => hasher.digest()),
      };
    },
    digest: (bytes) => watch.now('hash', () => platform.digest(bytes)),
    equal: (a, b) => watch.now('compare', () => platform.equal(a, b)),
    fingerprint: (bytes) => watch.now('fingerprint', () => platform.fingerprint(bytes)),
  };
}
