/**
 * The conformance suite on real devices, which it overwrites: SLUICE_TEST_MTD and SLUICE_TEST_UBI name an MTD and a
 * UBI volume, SLUICE_TEST_BLOCK is the path of a block device or file. With SLUICE_TEST_MARK_BAD=1 a block of the MTD
 * is marked bad in each run.
 */
import t from 'tap';
import type { FlashDevice, FlashTarget } from '../../src/core/flash/device.js';
import { openFlash } from '../../src/host/node/flash/open-flash.js';
import { conformance, type Subject } from './suite.js';

for (const kind of ['mtd', 'ubi', 'block'] as const) {
  const variable = `SLUICE_TEST_${kind.toUpperCase()}`;
  const name = process.env[variable];
  if (name === undefined || name === '')
    void t.test(`a real device, ${kind}:`, { skip: `${variable} names none` }, () => undefined);
  else conformance(`${kind}:${name}`, () => real(`${kind}:${name}`));
}

async function real(address: string): Promise<Subject> {
  let target: FlashTarget | null = null;
  const open = async (): Promise<FlashDevice> => {
    // The lock of the chip is held until the target is closed.
    await target?.close();
    target = await openFlash(address);
    const [partition] = target.partitions.values();
    if (partition === undefined) throw new Error(`${address} has no partition`);
    return partition.device;
  };
  return {
    device: await open(),
    reopen: open,
    mayMarkBad: process.env['SLUICE_TEST_MARK_BAD'] === '1',
    dispose: async () => target?.close(),
  };
}
