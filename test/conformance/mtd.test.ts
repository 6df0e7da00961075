import { openMtdTarget } from '../../src/host/node/flash/mtd/target.js';
import type { FlashDevice, FlashTarget, Partition } from '../../src/core/flash/device.js';
import { MemoryChip, type ChipSpec } from '../kit/memory-chip.js';
import { MemoryKernel, type NodeSpec } from '../kit/memory-kernel.js';
import { deviceOn } from '../kit/memory-mtd.js';
import { conformance, type Subject } from './suite.js';

const SIZE = 96 * 1024;
const NOR: ChipSpec = { type: 'nor', size: SIZE, eraseSize: 4096, writeSize: 1 };
const LOCKED: ChipSpec = { ...NOR, locks: true };
const RAM: ChipSpec = { ...NOR, type: 'ram', flags: 0x1c00 };
const NAND: ChipSpec = {
  type: 'nand',
  size: SIZE,
  eraseSize: 8192,
  writeSize: 512,
  oobSize: 16,
  bad: [1, 5],
};

function onKernel(nodes: readonly NodeSpec[], name: string): () => Promise<Subject> {
  return async () => {
    const kernel = new MemoryKernel(nodes);
    const targets: FlashTarget[] = [];
    const open = async (): Promise<FlashDevice> => {
      // The lock of the chip is held until the target is closed.
      for (const target of targets) await target.close();
      const target = await openMtdTarget(name, { binding: kernel, roots: kernel.files.roots });
      targets.push(target);
      return (target.partitions.get(name) as Partition).device;
    };
    const dispose = async (): Promise<void> => {
      for (const target of targets) await target.close();
      kernel.remove();
      if (kernel.violations.length > 0) throw new Error(kernel.violations.join('; '));
    };
    return { device: await open(), reopen: open, dispose };
  };
}

/** The driver on a kernel that has no node-mtd: a chip in memory. */
function onMemory(spec: ChipSpec): () => Subject {
  return () => {
    const chip = new MemoryChip(spec);
    const dispose = async (): Promise<void> => {
      if (chip.violations.length > 0) throw new Error(chip.violations.join('; '));
    };
    return { device: deviceOn(chip, spec), reopen: async () => deviceOn(chip, spec), dispose };
  };
}

conformance('the MTD driver on NOR without node-mtd', onMemory(LOCKED));
conformance('the MTD driver on NAND without node-mtd', onMemory(NAND));
conformance('an MTD of NOR', onKernel([{ name: 'bmc', chip: NOR }], 'bmc'));
conformance('an MTD of NOR that is locked', onKernel([{ name: 'bmc', chip: LOCKED }], 'bmc'));
conformance(
  'an MTD of RAM whose driver has no erase',
  onKernel([{ name: 'bmc', chip: { ...RAM, noErase: true } }], 'bmc'),
);
conformance('an MTD of NAND', onKernel([{ name: 'bmc', chip: NAND }], 'bmc'));
conformance(
  'a partition of NAND, whose chip is an MTD of its own',
  onKernel(
    [
      { name: 'bmc', chip: NAND },
      { name: 'rofs', chip: NAND, offset: 8192, size: 8 * 8192, inside: 0 },
    ],
    'rofs',
  ),
);
