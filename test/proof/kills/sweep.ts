/** SIGKILL at every single call that changes the state folder or the chip's files, and in the middle of each write. */
import { cpSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { OLD } from '../../system/board.js';
import { finish, kernelOf, writeArgs } from './finish.js';
import { sluice } from './program.js';
import { callsOfPush, push, PUSH_KERNEL, Service } from './serve-kills.js';
import { shimEnv } from './shim.js';
import { Site, withImages } from './site.js';
import type { Context, Tally } from './tally.js';
import { auditReceipts, faultsAfterKill, faultsAtEnd, seeJournal, type Wanted } from './verdict.js';
import { receiptOf } from './write-kills.js';

/** What a run finds on the board. */
interface Scenario {
  readonly name: string;
  readonly prepare: (site: Site, shim: string) => Promise<void>;
}

const SCENARIOS: readonly Scenario[] = [
  { name: 'first run', prepare: async () => {} },
  {
    name: 'resumed run',
    prepare: async (site, shim) => {
      const roots = [site.state, join(site.dir, 'board')];
      await sluice(writeArgs(site, kernelOf(site)), { env: shimEnv(shim, { roots, kill: 14 }) });
      if (seeJournal(site) === null) throw new Error('the run to be resumed has left no journal');
    },
  },
  {
    name: 'another bundle was under way',
    prepare: async (site, shim) => {
      const roots = [site.state, join(site.dir, 'board')];
      const other: Wanted = { ...kernelOf(site), bundle: site.bundles.other };
      await sluice(writeArgs(site, other), { env: shimEnv(shim, { roots, kill: 14 }) });
      if (seeJournal(site) === null) throw new Error('the run before has left no journal');
    },
  },
];

export async function sweep({ dir, shim, share, say }: Context, tally: Tally): Promise<void> {
  if ('missing' in shim) return void tally.skipped.push(shim.missing);
  const site = new Site(dir, 0);
  const roots = [site.state, join(site.dir, 'board')];
  const wanted = kernelOf(site);
  const saved = join(dir, 'saved');
  for (const { name, prepare } of SCENARIOS) {
    site.reset(OLD);
    await prepare(site, shim.path);
    rmSync(saved, { recursive: true, force: true });
    for (const folder of ['state', 'board'])
      cpSync(join(dir, folder), join(saved, folder), { recursive: true });
    const restore = (): void => {
      for (const folder of ['state', 'board']) {
        rmSync(join(dir, folder), { recursive: true });
        cpSync(join(saved, folder), join(dir, folder), { recursive: true });
      }
    };
    const log = join(dir, 'calls');
    rmSync(log, { force: true });
    await sluice(writeArgs(site, wanted), { env: shimEnv(shim.path, { roots, log }) });
    const calls = readFileSync(log, 'latin1').trim().split('\n');
    tally.count(`calls, ${name}`, calls.length);
    const step = Math.max(1, Math.round(1 / share));
    for (let call = 1 + (step >> 1); call <= calls.length; call += step) {
      const what = calls[call - 1]?.replaceAll(`${dir}/`, '');
      const writes = /^\d+ write /.test(calls[call - 1] ?? '');
      for (const torn of writes ? [false, true] : [false]) {
        restore();
        const before = site.bytes();
        const after = withImages(before, wanted.bundle, wanted.only);
        const ended = await sluice(writeArgs(site, wanted), {
          env: shimEnv(shim.path, { roots, kill: call, torn }),
        });
        const faults: string[] = [];
        if (ended.signal !== 'SIGKILL') faults.push(`it was not killed: ${ended.code} ${ended.stderr}`);
        if (receiptOf(ended) !== null) faults.push('it has told a receipt');
        tally.count(torn ? 'kills inside of a write' : 'kills');
        const { faults: found } = faultsAfterKill(site, before, after, wanted);
        // Of another bundle the gate may stand open or half written already.
        faults.push(...found.filter((fault) => !/journal does not name/.test(fault) || name === 'first run'));
        // Each cut may have torn one block.
        const slack = { 'first run': 1, 'resumed run': 2 }[name] ?? 64;
        const done = await finish(site, wanted, slack);
        faults.push(
          ...(name === 'another bundle was under way'
            ? done.faults.filter((fault) => !/^attempt|^resumed/.test(fault))
            : done.faults),
        );
        const log = auditReceipts(site);
        if (log.length < 1 || log.length > 2) faults.push(`the audit log has ${log.length} receipts`);
        const verified = call % 5 === 0 ? await sluice(['audit', 'verify', '--state', site.state]) : null;
        if (verified !== null && verified.code !== 0) faults.push(`audit verify: ${verified.stderr}`);
        tally.judge(`${name}, ${torn ? 'inside' : 'before'} ${what}`, faults);
      }
    }
    say(`${tally.name}: ${name}, ${tally.rounds} rounds, ${tally.failures.length} failed`);
  }
  site.remove();
}

/** The same for the service, from its start until it has kept the receipt; a push goes on when it is there again. */
export async function sweepService({ dir, shim, share }: Context, tally: Tally): Promise<void> {
  if ('missing' in shim) return void tally.skipped.push(shim.missing);
  const site = new Site(dir, 0);
  const roots = [site.state, join(site.dir, 'board')];
  const wanted = kernelOf(site);
  const service = await Service.make(site, 'unix');
  const log = join(dir, 'calls');
  const calls = await callsOfPush(service, site, shimEnv(shim.path, { roots, log }), log);
  tally.count('calls', calls.length);
  const step = Math.max(1, Math.round(1 / share));
  for (let call = 1 + (step >> 1); call <= calls.length; call += step) {
    const what = calls[call - 1]?.replaceAll(`${dir}/`, '');
    site.reset(OLD);
    const faults: string[] = [];
    const started = await service
      .start(shimEnv(shim.path, { roots, kill: call }))
      .then(() => true)
      .catch(() => false);
    const client = push(service, site, PUSH_KERNEL);
    if (started) await service.program.ended;
    tally.count('kills');
    const before = site.bytes();
    const after = withImages(OLD, wanted.bundle, wanted.only);
    faults.push(...faultsAfterKill(site, OLD, after, wanted).faults);
    const journal = seeJournal(site);
    await service.start();
    const ended = await client.ended;
    const receipt = receiptOf(ended);
    if (ended.code !== 0 || receipt === null)
      faults.push(`the push ended with ${ended.code}: ${ended.stderr}`);
    else {
      const expected = {
        attempt: journal === null ? 1 : journal.attempt + 1,
        resumed: journal !== null,
        slack: 1,
      };
      faults.push(...faultsAtEnd(site, before, after, wanted, receipt, expected));
    }
    const stopped = await service.stop();
    if (stopped.code !== 0) faults.push(`the service ended with ${stopped.code}: ${stopped.stderr}`);
    const verified = await sluice(['audit', 'verify', '--state', site.state]);
    if (verified.code !== 0) faults.push(`audit verify: ${verified.stderr}`);
    tally.judge(`before ${what}`, faults);
  }
  site.remove();
}
