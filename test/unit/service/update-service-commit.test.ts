/**
 * What a service promises between the proof of an update and its commit:
 * - a proven update waits: job and events say so, the flash stays its own, and the gates stay closed
 * - it is committed by `end`, and ends without a commit by an abort or when nobody commits in time
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { SluiceError } from '../../../src/core/errors.js';
import { ReceiptStore } from '../../../src/service/receipts.js';
import type { UpdateResult } from '../../../src/service/results.js';
import { UpdateService } from '../../../src/service/update-service.js';
import type { Upload } from '../../../src/service/upload.js';
import { bundle, kernel, request } from '../../kit/kernel-update.js';
import { chain, ERASE, nor, platform, SMALL } from '../../kit/update-kit.js';

/** A service on a chip in memory. */
async function serviceOn(
  t: Test,
  options: { commitWithin?: number } = {},
): Promise<{ service: UpdateService; kernelOnChip: () => Promise<Uint8Array> }> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-commit-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const target = nor();
  const service = await UpdateService.open({
    platform,
    open: async () => ({ address: target.address, partitions: target.partitions, close: async () => {} }),
    trust: async () => chain(),
    policy: 'before-erase',
    weakest: 'before-erase',
    forceMounted: [],
    machine: null,
    receipts: new ReceiptStore(folder),
    resumeWithin: 0,
    log: () => {},
    ...options,
  });
  const { offset } = SMALL.partitions.find(({ name }) => name === 'kernel') as { offset: number };
  const kernelOnChip = async (): Promise<Uint8Array> => {
    const found = new Uint8Array(kernel.length);
    const { device } = target.partitions.get('kernel') as {
      device: { read(at: number, into: Uint8Array): Promise<void> };
    };
    await device.read(offset, found);
    return found;
  };
  return { service, kernelOnChip };
}

async function proven(t: Test, service: UpdateService): Promise<Upload<UpdateResult>> {
  const upload = await service.update(request);
  const sender = await upload.attach();
  await sender.write(bundle);
  t.equal(await sender.prove(), null);
  t.ok(upload.proven);
  return upload;
}

t.test('a proven update waits, and is committed by its end', async (t) => {
  const { service, kernelOnChip } = await serviceOn(t);
  const phases: string[] = [];
  service.events.subscribe(({ type, json }) => {
    const phase = type === 'progress' ? (JSON.parse(json) as { phase: string }).phase : null;
    if (phase !== null && phase !== phases.at(-1)) phases.push(phase);
  });
  const upload = await proven(t, service);
  t.equal(service.job?.phase, 'proven');
  t.equal(service.state.job?.phase, 'proven');
  t.equal(phases.at(-1), 'proven');
  t.ok(service.busy);
  t.ok(service.waiting, 'a supervisor must not take it as hung');
  await t.rejects(service.update(request), { code: 'ERR_BUSY_FLASH' });
  const closed = await kernelOnChip();
  t.notSame(closed.subarray(0, ERASE), kernel.subarray(0, ERASE), 'the gate is closed');
  t.same(closed.subarray(ERASE), kernel.subarray(ERASE));
  await t.rejects((await upload.attach()).write(bundle), { code: 'ERR_SESSION_STATE' });
  const { receipt, error } = await upload.end();
  t.equal(error, null);
  t.match(receipt, { outcome: 'committed', flash: 'complete' });
  t.same(await kernelOnChip(), kernel);
  t.notOk(service.busy);
  t.notOk(service.waiting);
  t.equal(service.job, null);
});

t.test('a proven update that nobody commits ends with its gate closed', async (t) => {
  const { service, kernelOnChip } = await serviceOn(t, { commitWithin: 50 });
  const upload = await proven(t, service);
  const sender = await upload.attach();
  const gone = new SluiceError('ERR_SOURCE_TRUNCATED', 'the connection closed');
  await t.rejects(sender.interrupt(gone), { code: 'ERR_SOURCE_TRUNCATED' });
  t.ok(upload.proven, 'whatever becomes of its sender');
  await sleep(150);
  const { receipt } = await upload.end();
  t.match(receipt, {
    outcome: 'interrupted',
    code: 'ERR_SESSION_INTERRUPTED',
    flash: 'partial',
    message: 'verified, not committed: no commit within 0.05 seconds',
  });
  t.notSame((await kernelOnChip()).subarray(0, ERASE), kernel.subarray(0, ERASE));
  t.equal(service.receipts.read(upload.id)?.receipt.outcome, 'interrupted');
  t.notOk(service.busy);
});

t.test('a service that is closed does not commit what waits', async (t) => {
  const { service } = await serviceOn(t);
  const upload = await proven(t, service);
  await service.close();
  const { receipt } = await upload.end();
  t.match(receipt, {
    outcome: 'interrupted',
    message: /^verified, not committed: the service is being stopped/,
  });
});

t.test('a check has nothing to commit', async (t) => {
  const { service } = await serviceOn(t);
  const check = await service.check(request);
  const sender = await check.attach();
  await sender.write(bundle);
  await t.rejects(sender.prove(), { code: 'ERR_SESSION_STATE' });
  await t.rejects(check.abort(new SluiceError('ERR_SESSION_INTERRUPTED', 'enough')));
  t.notOk(service.busy);
});
