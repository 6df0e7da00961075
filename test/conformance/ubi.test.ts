import type { FlashDevice, Partition } from '../../src/core/flash/device.js';
import { openUbiTarget } from '../../src/host/node/flash/ubi/target.js';
import { MemoryKernel } from '../kit/memory-kernel.js';
import type { VolumeSpec } from '../kit/memory-volume.js';
import { conformance, type Subject } from './suite.js';

const VOLUME: VolumeSpec = { name: 'rofs', lebs: 16, lebSize: 3968, minIo: 128 };

function onKernel(spec: VolumeSpec): () => Promise<Subject> {
  return async () => {
    const kernel = new MemoryKernel([], [spec]);
    const open = async (): Promise<FlashDevice> => {
      const target = await openUbiTarget('rofs', { binding: kernel, roots: kernel.files.roots });
      return (target.partitions.get('rofs') as Partition).device;
    };
    const dispose = async (): Promise<void> => {
      kernel.remove();
      if (kernel.violations.length > 0) throw new Error(kernel.violations.join('; '));
    };
    return { device: await open(), reopen: open, dispose };
  };
}

conformance('a dynamic UBI volume', onKernel(VOLUME));
conformance('a UBI volume whose last update was interrupted', onKernel({ ...VOLUME, updateMarker: true }));
