import { join } from 'node:path';
import type { Test } from 'tap';
import type { Layout } from '../../src/core/flash/layout.js';
import { memoryTarget } from '../../src/core/sim/index.js';
import { createSimChip, openSimTarget } from '../../src/host/node/flash/sim-file/target.js';
import { conformance, type Subject } from './suite.js';

const SIZE = 96 * 1024;
const layout: Layout = { name: 'small', size: SIZE, partitions: [{ name: 'bmc', offset: 0, size: SIZE }] };
const NOR = { type: 'nor', eraseSize: 4096 } as const;
const NAND = { type: 'nand', eraseSize: 8192, writeSize: 512, factoryBad: [1, 5] } as const;

function inMemory(options: typeof NOR | typeof NAND): () => Subject {
  return () => {
    const target = memoryTarget(layout, options);
    return { device: target.chip, reopen: async () => (await target.reopen()).chip };
  };
}

function inFile(options: typeof NOR | typeof NAND): (t: Test) => Promise<Subject> {
  return async (t) => {
    const path = join(t.testdir(), 'chip.bin');
    createSimChip(path, { layout, ...options });
    const open = async (): Promise<Subject['device']> => (await openSimTarget(path)).chip;
    return { device: await open(), reopen: open };
  };
}

conformance('a simulated NOR chip in memory', inMemory(NOR));
conformance('a simulated NOR chip in a file', inFile(NOR));
conformance('a simulated NAND chip in memory', inMemory(NAND));
conformance('a simulated NAND chip in a file', inFile(NAND));
