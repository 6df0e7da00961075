/** The conformance suite on a device of the fake: SLUICE_TEST_FLASH is its flash address. */
import t from 'tap';
import { UNSUPPORTED } from '../../../src/flash/device.js';
import { openFlash } from '../../../src/flash/open.js';
import { conformance, type Subject } from '../../conformance/suite.js';

const address = process.env['SLUICE_TEST_FLASH'] ?? '';

async function open(): Promise<{ device: Subject['device']; close: () => Promise<void> }> {
  const target = await openFlash(address);
  const [partition] = target.partitions.values();
  if (partition === undefined) throw new Error(`${address} has no partition`);
  return { device: partition.device, close: () => target.close() };
}

// The suite's subject is a device that may be written: of drivers, lifting a lock is asked.
void t.test('all locks are lifted, or there are none', async (t) => {
  const { device, close } = await open();
  const answer = await device.unlock(0, device.geometry.size / device.geometry.eraseSize);
  t.ok(answer === undefined || answer === UNSUPPORTED);
  await close();
});

conformance(`${address}, played by the fake`, async () => {
  let opened = await open();
  return {
    device: opened.device,
    reopen: async () => {
      await opened.close();
      opened = await open();
      return opened.device;
    },
    dispose: () => opened.close(),
  };
});
