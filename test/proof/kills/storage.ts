/** A state folder that fails: ENOSPC and EIO at every call, once and from then on, and a file system that is full. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { OLD } from '../../system/board.js';
import { finish, kernelOf, writeArgs } from './finish.js';
import { sluice } from './program.js';
import { callsOfPush, push, PUSH_KERNEL, Service, storedFaults } from './serve-kills.js';
import { ERRNO, shimEnv } from './shim.js';
import { Site, withImages } from './site.js';
import type { Context, Tally } from './tally.js';
import { auditReceipts, faultsAfterKill, seeJournal } from './verdict.js';
import { receiptOf } from './write-kills.js';

/** What may be said where the state folder fails: nothing was touched, or the session was stopped, resumable. */
const CODES: ReadonlySet<string | null> = new Set([null, 'ERR_USAGE_STATE', 'ERR_SESSION_JOURNAL']);

export async function storage({ dir, shim, share, say }: Context, tally: Tally): Promise<void> {
  if ('missing' in shim) return void tally.skipped.push(shim.missing);
  const site = new Site(dir, 0);
  const roots = [site.state];
  const wanted = kernelOf(site);
  const log = join(dir, 'calls');
  for (const only of [undefined, ['read']]) {
    site.reset(OLD);
    // A journal is there, so that reading it is among the calls.
    await sluice(writeArgs(site, wanted), { env: shimEnv(shim.path, { roots, kill: 8 }) });
    const before = site.bytes();
    const had = seeJournal(site);
    const kept = had === null ? null : readFileSync(journalIn(site));
    rmSync(log, { force: true });
    await sluice(writeArgs(site, wanted), { env: shimEnv(shim.path, { roots, log, ...(only && { only }) }) });
    const calls = readFileSync(log, 'latin1').trim().split('\n');
    tally.count(only === undefined ? 'calls that write' : 'calls that read', calls.length);
    const step = Math.max(1, Math.round(1 / share));
    for (let call = 1 + (step >> 1); call <= calls.length; call += step) {
      for (const errno of only === undefined ? (['ENOSPC', 'EIO'] as const) : (['EIO'] as const)) {
        for (const count of [1, 0]) {
          site.reset(before);
          if (had !== null && kept !== null)
            writeFileSync(join(site.state, nameOf(calls, site)), kept, { mode: 0o600 });
          const fail = { first: call, errno: ERRNO[errno], count };
          const ended = await sluice(writeArgs(site, wanted), {
            env: shimEnv(shim.path, { roots, fail, ...(only && { only }) }),
          });
          const after = withImages(before, wanted.bundle, wanted.only);
          const { faults } = faultsAfterKill(site, before, after, wanted);
          const said = JSON.parse(ended.stdout) as { code: string | null; outcome: string; flash: string };
          tally.count(`ended with ${said.code ?? 'a commit'}`);
          if (!CODES.has(said.code)) faults.push(`it ended with ${ended.code} ${said.code}: ${ended.stderr}`);
          if (said.outcome === 'committed' && !site.bytes().equals(after))
            faults.push('it says committed, and is not');
          if (said.flash === 'untouched' && !site.bytes().equals(before))
            faults.push('it says untouched, and is not');
          const logged = auditReceipts(site).length;
          if (
            logged === 0 &&
            receiptOf(ended)?.partitions !== undefined &&
            !/AUDIT LOG LACKS/.test(ended.stderr)
          ) {
            faults.push('the audit log lacks the receipt, and nobody was told');
          }
          const left = seeJournal(site);
          const done = await finish(site, wanted, 2);
          // A run that was committed, but could not take its journal away, says so.
          const stale = left !== null && said.outcome === 'committed';
          if (stale && !/journal could not be brought up to date/.test(ended.stderr)) {
            faults.push('a journal was left behind a commit, and nobody was told');
          }
          faults.push(...done.faults);
          tally.judge(`${errno} ${count === 1 ? 'once' : 'from then on'} at ${calls[call - 1]}`, faults);
        }
      }
    }
    say(`${tally.name}: ${tally.rounds} rounds, ${tally.failures.length} failed`);
  }
  site.remove();
  await fullFileSystem(dir, tally);
}

const nameOf = (calls: readonly string[], site: Site): string => {
  const found = calls
    .map((line) => /\/(journal-[^/ ]*[0-9a-f]{16})(?:\.new)?$/.exec(line)?.[1])
    .find(Boolean);
  if (found === undefined) throw new Error(`no journal was written in ${site.state}`);
  return found;
};

const journalIn = (site: Site): string => {
  const names = execFileSync('ls', [site.state], { encoding: 'utf8' }).trim().split('\n');
  return join(site.state, names.find((name) => /^journal-.*[0-9a-f]$/.test(name)) ?? '');
};

/** A real file system without room, where one may be mounted. */
async function fullFileSystem(dir: string, tally: Tally): Promise<void> {
  const site = new Site(dir, 0);
  const wanted = kernelOf(site);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96k,mode=755', 'none', site.state], { stdio: 'pipe' });
  } catch {
    tally.skipped.push('a file system of its own: it cannot be mounted here');
    return site.remove();
  }
  try {
    for (const free of [0, 1, 2, 4, 5, 6, 8]) {
      site.put(OLD);
      rmSync(join(site.state, 'audit.log'), { force: true });
      const filler = join(site.state, 'filler');
      rmSync(filler, { force: true });
      const { bavail, bsize } = statfsSync(site.state);
      writeFileSync(filler, Buffer.alloc(bavail * bsize - free * 4096));
      const ended = await sluice(writeArgs(site, wanted));
      const after = withImages(OLD, wanted.bundle, wanted.only);
      const { faults } = faultsAfterKill(site, OLD, after, wanted);
      const said = JSON.parse(ended.stdout) as { code: string | null; outcome: string };
      tally.count(`full file system: ${said.code ?? 'a commit'}`);
      if (!CODES.has(said.code)) faults.push(`it ended with ${ended.code} ${said.code}: ${ended.stderr}`);
      if (said.code !== null && !site.bytes().equals(OLD))
        faults.push('it was refused, and has touched the flash');
      if (said.code === null && !site.bytes().equals(after)) faults.push('it says committed, and is not');
      rmSync(filler);
      faults.push(...(await finish(site, wanted)).faults);
      tally.judge(`${free} pages free`, faults);
    }
  } finally {
    execFileSync('umount', [site.state]);
  }
  site.remove();
}

/** The same for the service, which has to go on serving. */
export async function storageOfService({ dir, shim, share }: Context, tally: Tally): Promise<void> {
  if ('missing' in shim) return void tally.skipped.push(shim.missing);
  const site = new Site(dir, 0);
  const roots = [site.state];
  const wanted = kernelOf(site);
  const service = await Service.make(site, 'unix');
  const log = join(dir, 'calls');
  const calls = await callsOfPush(service, site, shimEnv(shim.path, { roots, log }), log);
  tally.count('calls', calls.length);
  const step = Math.max(1, Math.round(1 / share));
  for (let call = 1 + (step >> 1); call <= calls.length; call += step) {
    for (const count of [1, 0]) {
      site.reset(OLD);
      mkdirSync(site.state, { recursive: true });
      const fail = { first: call, errno: ERRNO.ENOSPC, count };
      const faults: string[] = [];
      const env = shimEnv(shim.path, { roots, fail });
      const started = await service.start(env).then(
        () => true,
        () => false,
      );
      const after = withImages(OLD, wanted.bundle, wanted.only);
      if (!started) {
        const { code, stderr } = await service.program.ended;
        tally.count('it does not start');
        if (code !== 2 || !/ERR_USAGE_STATE/.test(stderr))
          faults.push(`its start ended with ${code}: ${stderr}`);
      } else {
        const ended = await push(service, site, PUSH_KERNEL, 0).ended;
        const receipt = receiptOf(ended);
        tally.count(`ended with ${receipt?.code ?? (ended.code === 0 ? 'a commit' : 'another error')}`);
        faults.push(...faultsAfterKill(site, OLD, after, wanted).faults);
        if (receipt?.outcome === 'committed' && !site.bytes().equals(after))
          faults.push('it says committed, and is not');
        if (receipt === null || !CODES.has(receipt.code))
          faults.push(`the push ended with ${ended.code}: ${ended.stderr}`);
        if (
          auditReceipts(site).length === 0 &&
          receipt?.partitions !== undefined &&
          !/AUDIT LOG LACKS/.test(service.program.stderr)
        ) {
          faults.push('the audit log lacks the receipt, and nobody was told');
        }
        // Where it fails once, the next push goes well.
        if (count === 1) {
          const next = await push(service, site, PUSH_KERNEL, 0).ended;
          if (next.code !== 0) faults.push(`the next push ended with ${next.code}: ${next.stderr}`);
          if (!site.bytes().equals(after)) faults.push('after the next push the chip is not right');
        }
        const stopped = await service.stop();
        if (stopped.code !== 0) faults.push(`the service ended with ${stopped.code}: ${stopped.stderr}`);
        faults.push(...storedFaults(site));
      }
      faults.push(...(await finish(site, wanted, 2)).faults);
      // Where nothing can be removed either, a half-made file stays until it is made anew.
      const told = count === 1 ? faults : faults.filter((fault) => !/^left .*\.new$/.test(fault));
      tally.judge(`ENOSPC ${count === 1 ? 'once' : 'from then on'} at ${calls[call - 1]}`, told);
    }
  }
  site.remove();
}
