/** Static UBI volumes on a kernel in memory, and an image for one. */
import t from 'tap';
import type { FlashTarget, Partition } from '../../src/core/flash/device.js';
import { openUbiTarget } from '../../src/host/node/flash/ubi/target.js';
import { makeBundle } from './bundle-maker.js';
import { MemoryKernel } from './memory-kernel.js';
import type { VolumeSpec } from './memory-volume.js';
import { noise } from './noise.js';

export const LEB = 3968;
/** A volume of 10 LEBs. */
export const volumeOf = (name: string, type: VolumeSpec['type']): VolumeSpec => {
  return { name, type, lebs: 10, lebSize: LEB, minIo: 128 };
};
const kernels: MemoryKernel[] = [];
t.teardown(() => kernels.forEach((kernel) => kernel.remove()));

/** A kernel with these volumes; with an empty static one `rofs` where none are given. */
export function kernelOf(...volumes: readonly VolumeSpec[]): MemoryKernel {
  const kernel = new MemoryKernel([], volumes.length === 0 ? [volumeOf('rofs', 'static')] : volumes);
  kernels.push(kernel);
  return kernel;
}

export const open = (kernel: MemoryKernel, name = 'rofs'): Promise<FlashTarget> =>
  openUbiTarget(name, { binding: kernel, roots: kernel.files.roots });
export const part = (target: FlashTarget, name = 'rofs'): Partition =>
  target.partitions.get(name) as Partition;
/** Calls that change flash. */
export const changes = (kernel: MemoryKernel): string[] =>
  kernel.calls.filter((call) => /^(ubi|write)/.test(call));
/** What the first volume holds. */
export const held = (kernel: MemoryKernel): Uint8Array =>
  kernel.volume(0).bytes.subarray(0, kernel.volume(0).dataBytes);

/** Puts bytes into the first volume, as ubiupdatevol would. */
export function fill(kernel: MemoryKernel, bytes: Uint8Array): void {
  const volume = kernel.volume(0);
  volume.startUpdate(bytes.length);
  volume.append(bytes);
  kernel.files.write(`${kernel.files.roots.sys}/class/ubi/ubi0_0`, { data_bytes: `${bytes.length}\n` });
  kernel.calls.length = 0;
}

export const image = noise(3 * LEB + 700, 1);
export const proven = makeBundle({ images: { rofs: image }, kind: 'proven' }).bytes;
export const stock = makeBundle({ images: { rofs: image }, kind: 'stock' }).bytes;
