/** Clocks that are wrong, and that jump while an update is under way. */
import { join } from 'node:path';
import { OLD } from '../../system/board.js';
import { finish, kernelOf, writeArgs } from './finish.js';
import { sluice } from './program.js';
import { push, PUSH_KERNEL, Service } from './serve-kills.js';
import { shimEnv, type ShimOptions } from './shim.js';
import { Site, withImages } from './site.js';
import type { Context, Tally } from './tally.js';
import { auditReceipts, leftovers } from './verdict.js';
import { receiptOf, SCALE } from './write-kills.js';

const DAY = 24 * 60 * 60;

const CLOCKS: readonly { readonly name: string; readonly clock: NonNullable<ShimOptions['clock']> }[] = [
  { name: '1970, as without a battery', clock: { base: -Math.floor(Date.now() / 1000) } },
  { name: 'before 1970', clock: { base: -Math.floor(Date.now() / 1000) - 400 * DAY } },
  { name: '2106', clock: { base: 80 * 365 * DAY } },
  { name: 'a day ahead each 20 ms', clock: { base: 0, step: DAY, every: 20 } },
  { name: 'a day back each 20 ms', clock: { base: 0, step: -DAY, every: 20 } },
  { name: 'a second back each 10 ms', clock: { base: 0, step: -1, every: 10 } },
];

export async function clocks({ dir, shim }: Context, tally: Tally): Promise<void> {
  if ('missing' in shim) return void tally.skipped.push(shim.missing);
  const site = new Site(dir, SCALE);
  const wanted = kernelOf(site);
  const after = withImages(OLD, wanted.bundle, wanted.only);
  for (const { name, clock } of CLOCKS) {
    const env = shimEnv(shim.path, { clock });
    const year = new Date(Date.now() + clock.base * 1000).getUTCFullYear();
    const faults: string[] = [];
    // The log goes on from the times of the clock before.
    site.put(OLD);
    const ended = await sluice(writeArgs(site, wanted), { env });
    const receipt = receiptOf(ended);
    if (ended.code !== 0 || receipt === null) faults.push(`it ended with ${ended.code}: ${ended.stderr}`);
    else if (!(receipt.times.wall >= 0 && receipt.times.wall < 60))
      faults.push(`it says that it took ${receipt.times.wall} s`);
    if (!site.bytes().equals(after)) faults.push('the chip is not right');
    if (auditReceipts(site).at(-1)?.outcome !== 'committed') faults.push('the audit log lacks the receipt');
    tally.judge(`${name} (${year}), write`, [...faults, ...leftovers(site)]);

    site.put(OLD);
    tally.judge(`${name} (${year}), serve`, await served(site, env, after));

    // Killed under one clock, between making a lock and writing it; finished under another one.
    for (const killed of [true, false]) {
      site.reset(OLD);
      const roots = [site.state, join(site.dir, 'board')];
      const kill = shimEnv(shim.path, { roots, kill: 2, ...(killed ? { clock } : {}) });
      await sluice(writeArgs(site, wanted), { env: kill });
      const again = killed ? {} : env;
      const late = await ended6(() => sluice(writeArgs(site, wanted), { env: again }));
      const wrong = late.code === 0 ? [] : [`the run behind ended with ${late.code}: ${late.stdout}`];
      tally.judge(`${name}, killed ${killed ? 'under' : 'before'} it`, [
        ...wrong,
        ...(await finish(site, wanted)).faults,
      ]);
    }
  }
  const verified = await sluice(['audit', 'verify', '--state', site.state]);
  if (verified.code !== 0) tally.fail(`sluice audit verify: ${verified.stderr}`);
  site.remove();
}

/** A lock that is empty counts for 2 seconds. */
async function ended6<T extends { readonly code: number | null }>(run: () => Promise<T>): Promise<T> {
  let ended = await run();
  for (const end = performance.now() + 6000; ended.code === 6 && performance.now() < end;)
    ended = await run();
  return ended;
}

async function served(site: Site, env: Record<string, string>, after: Buffer): Promise<string[]> {
  const faults: string[] = [];
  const service = await Service.make(site, 'unix');
  await service.start(env);
  const ended = await push(service, site, PUSH_KERNEL).ended;
  if (ended.code !== 0) faults.push(`the push ended with ${ended.code}: ${ended.stderr}`);
  if (!site.bytes().equals(after)) faults.push('the chip is not right');
  const status = await sluice(['status', service.url, '--json']);
  if (status.code !== 0) faults.push(`status ended with ${status.code}: ${status.stderr}`);
  const { code, stderr } = await service.stop();
  if (code !== 0) faults.push(`the service ended with ${code}: ${stderr}`);
  return [...faults, ...leftovers(site)];
}
