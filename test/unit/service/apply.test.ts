/** What is done around a commit, by a server and by a command: awaited, can prevent the commit, never undoes it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { SluiceError } from '../../../src/core/errors.js';
import type { MemoryTarget } from '../../../src/core/sim/index.js';
import type { Apply } from '../../../src/service/apply.js';
import type { Feed } from '../../../src/service/feed.js';
import { JobFactory } from '../../../src/service/job-factory.js';
import { LocalJobs, type LocalResult } from '../../../src/service/local-jobs.js';
import { ReceiptStore } from '../../../src/service/receipts.js';
import { UpdateService } from '../../../src/service/update-service.js';
import { bundle, kernel, request } from '../../kit/kernel-update.js';
import { chain, ERASE, nor, partitionBytes, platform, same } from '../../kit/update-kit.js';

const rules = {
  platform,
  trust: async () => chain(),
  policy: 'before-erase',
  weakest: 'before-erase',
  forceMounted: [],
} as const;

/** An update on a chip in memory, around whose commit something is done. */
interface Begun {
  readonly feed: Feed<LocalResult>;
  /** Of its receipt, as the context has it. */
  readonly id: string | null;
  /** What was reported beside the receipt. */
  readonly warnings: string[];
}

async function onServer(t: Test, target: MemoryTarget, apply: Apply): Promise<Begun> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-apply-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const warnings: string[] = [];
  const { address, partitions } = target;
  const service = await UpdateService.open({
    ...rules,
    open: async () => ({ address, partitions, close: async () => {} }),
    machine: null,
    receipts: new ReceiptStore(folder),
    resumeWithin: 0,
    apply,
    log: (level, message, thrown) => void warnings.push(`${level}: ${message}: ${(thrown as Error).message}`),
  });
  service.events.subscribe(({ type, json }) => {
    if (type === 'warning') warnings.push((JSON.parse(json) as { message: string }).message);
  });
  return { feed: await service.update(request), id: '000001', warnings };
}

async function byCommand(_: Test, target: MemoryTarget, apply: Apply): Promise<Begun> {
  const warnings: string[] = [];
  const jobs = new LocalJobs({
    factory: new JobFactory(rules),
    target,
    policy: rules.policy,
    forecast: false,
    observer: { warn: (message) => void warnings.push(message) },
    apply,
    signal: new AbortController().signal,
  });
  return { feed: await jobs.update(request), id: null, warnings };
}

const nothing = async (): Promise<void> => {};
const gateIsOpen = (target: MemoryTarget): boolean =>
  same(partitionBytes(target, 'kernel').subarray(0, ERASE), kernel.subarray(0, ERASE));

async function send(feed: Feed<LocalResult>): Promise<LocalResult> {
  const sender = await feed.attach();
  await sender.write(bundle);
  return sender.end();
}

for (const [way, begin, reported] of [
  [
    'UpdateService',
    onServer,
    [
      'error: update is committed, but a step after the commit failed: no space left',
      'after the commit: no space left',
    ],
  ],
  ['LocalJobs', byCommand, ['after the commit: no space left']],
] as const) {
  t.test(`${way}: awaited, the one when all is proven and the other when all is committed`, async (t) => {
    const target = nor();
    const seen: unknown[] = [];
    const step =
      (name: string): Apply['beforeCommit'] =>
      async ({ id, receipt, request: { from }, target: { partitions } }) => {
        await sleep(5);
        const { outcome, flash } = receipt;
        seen.push([name, id, outcome, flash, from.via, partitions.has('kernel'), gateIsOpen(target)]);
      };
    const apply = { beforeCommit: step('before'), afterCommit: step('after') };
    const { feed, id } = await begin(t, target, apply);
    const { receipt, error } = await send(feed);
    t.equal(error, null);
    t.equal(receipt.outcome, 'committed');
    t.same(seen, [
      ['before', id, 'proven', 'partial', 'test', true, false],
      ['after', id, 'committed', 'complete', 'test', true, true],
    ]);
  });

  t.test(`${way}: a failure before the commit prevents it`, async (t) => {
    const target = nor();
    let after = 0;
    const { feed } = await begin(t, target, {
      beforeCommit: () => Promise.reject(new SluiceError('ERR_USAGE_STATE', 'the battery is low')),
      afterCommit: async () => void after++,
    });
    t.match((await send(feed)).receipt, {
      outcome: 'interrupted',
      flash: 'partial',
      message: 'verified, not committed: the battery is low',
    });
    t.notOk(gateIsOpen(target));
    t.equal(after, 0);
  });

  t.test(`${way}: an abort that comes meanwhile prevents the commit, too`, async (t) => {
    const target = nor();
    let abort: () => void = nothing;
    const { feed } = await begin(t, target, { beforeCommit: async () => abort(), afterCommit: nothing });
    abort = () => void feed.abort(new SluiceError('ERR_SESSION_INTERRUPTED', 'changed my mind'));
    t.match((await send(feed)).receipt, { outcome: 'interrupted', message: /changed my mind/ });
    t.notOk(gateIsOpen(target));
  });

  t.test(`${way}: a failure after the commit is reported, and undoes nothing`, async (t) => {
    const target = nor();
    const { feed, warnings } = await begin(t, target, {
      beforeCommit: nothing,
      afterCommit: () => Promise.reject(new Error('no space left')),
    });
    const { receipt, error } = await send(feed);
    t.equal(error, null);
    t.match(receipt, { outcome: 'committed', code: null, flash: 'complete' });
    t.same(warnings, reported);
    t.ok(gateIsOpen(target));
  });
}
