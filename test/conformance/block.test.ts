import { truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { loadBinding } from 'node-mtd';
import t, { type Test } from 'tap';
import { openBlockTarget } from '../../src/host/node/flash/block/target.js';
import { loopDevice, noLoopDevices } from '../kit/loop-device.js';
import { conformance, type Subject } from './suite.js';

/** Twelve blocks of 64 KiB. */
const SIZE = 12 * 65_536;
/** Five blocks of 4 KiB: what 64 KiB do not divide is covered by smaller ones. */
const SMALL = 5 * 4096;

async function deviceAt(path: string): Promise<Subject['device']> {
  const target = await openBlockTarget(`rofs=${path}`);
  return target.partitions.get('rofs')?.device as Subject['device'];
}

function inFile(size: number): (t: Test) => Promise<Subject> {
  return async (t) => {
    const path = join(t.testdir(), 'disk.img');
    writeFileSync(path, '');
    truncateSync(path, size);
    const reopen = () => deviceAt(path);
    return { device: await reopen(), reopen };
  };
}

conformance('a file as a block device', inFile(SIZE));
conformance('a small file as a block device', inFile(SMALL));

const lacking = noLoopDevices() ?? noAddon();

function noAddon(): string | null {
  try {
    loadBinding();
    return null;
  } catch (thrown) {
    return `no addon: ${(thrown as Error).message.split('\n')[0]}`;
  }
}

if (lacking === null) {
  conformance('a loop device', async () => {
    const loop = loopDevice(SIZE);
    const reopen = () => deviceAt(loop.path);
    const dispose = async (): Promise<void> => loop.free();
    try {
      return { device: await reopen(), reopen, dispose };
    } catch (thrown) {
      loop.free();
      throw thrown;
    }
  });
} else {
  void t.test('a loop device', { skip: lacking }, () => {});
}
