/** SIGTERM, SIGINT and SIGHUP at random times, SIGSTOP for 5 seconds, and clients that are killed. */
import { setTimeout as sleep } from 'node:timers/promises';
import { OLD } from '../../system/board.js';
import { finish, writeArgs } from './finish.js';
import { Pace } from './moment.js';
import { Program, sluice } from './program.js';
import { Dice } from './random.js';
import { push, Service, type PushWay } from './serve-kills.js';
import { Site, withImages } from './site.js';
import { inLanes, type Context, type Lane, type Tally } from './tally.js';
import { auditReceipts, faultsAfterKill, seeJournal, type Wanted } from './verdict.js';
import { receiptOf, SCALE, verifyAudit } from './write-kills.js';

const ROUNDS = 60;
const STOPS = 4;
const PAUSE = 5000;

const wholeOf = (site: Site): Wanted => ({ bundle: site.bundles.first, only: null, policy: 'before-erase' });
const WAY: PushWay = { name: 'push', form: 'proven', piped: false, only: null, policy: 'before-erase' };

export function signals(context: Context, tally: Tally): Promise<void> {
  return inLanes(context, ROUNDS, (lane) => signalLane(lane, tally));
}

async function signalLane({ dir, seed, rounds }: Lane, tally: Tally): Promise<void> {
  const dice = new Dice(seed);
  const site = new Site(dir, SCALE);
  const wanted = wholeOf(site);
  const after = withImages(OLD, wanted.bundle);
  const pace = new Pace(1500, 800);
  for (let round = 0; round < rounds; round++) {
    const signal = (['SIGTERM', 'SIGINT', 'SIGHUP'] as const)[round % 3] as NodeJS.Signals;
    site.put(OLD);
    const logged = auditReceipts(site).length;
    const program = new Program(writeArgs(site, wanted));
    await pace.wait(dice, site, program);
    program.kill(signal);
    const sent = performance.now();
    const ended = await program.ended;
    const { faults } = faultsAfterKill(site, OLD, after, wanted);
    const receipt = receiptOf(ended);
    if (performance.now() - sent > 20_000) faults.push('it took more than 20 s to stop');
    if (ended.signal === null) {
      const outcome = receipt?.outcome ?? 'no receipt';
      const fits = { committed: 0, interrupted: 7 }[outcome as 'committed'];
      tally.count(`${signal}: ${outcome}`);
      if (ended.code !== fits) faults.push(`exit code ${ended.code} with ${outcome}: ${ended.stderr}`);
      // An error that comes before there is a session is no receipt, and is not logged.
      if (receipt?.partitions !== undefined && auditReceipts(site).length !== logged + 1) {
        faults.push('the audit log lacks the receipt');
      }
      const said = site.bytes().equals(OLD) ? 'untouched' : outcome === 'committed' ? 'complete' : 'partial';
      if (receipt !== null && receipt.flash !== said) faults.push(`it says ${receipt.flash}, and is ${said}`);
      if (seeJournal(site)?.windows.size) faults.push('the journal is not at rest');
    } else {
      tally.count(`${signal}: ended before it was listened to`);
      if (!site.bytes().equals(OLD)) faults.push('it was ended by the signal after it had changed the flash');
    }
    // Nothing can be torn, so nothing is erased again.
    const done = await finish(site, wanted, 0);
    if (done.receipt?.session.resumedFrom === null) pace.note(ended.ms, done.receipt.times.flash * 1000);
    tally.judge(`seed ${seed}, ${signal} ${round}`, [...faults, ...done.faults]);
  }
  await verifyAudit(site, tally);
  site.remove();
}

/** Stopped in the middle, and gone on with 5 seconds later. */
export async function pauses({ dir, seed }: Context, tally: Tally): Promise<void> {
  const dice = new Dice(seed);
  const site = new Site(dir, SCALE);
  const wanted = wholeOf(site);
  const after = withImages(OLD, wanted.bundle);
  const pace = new Pace(1500, 800);
  const service = await Service.make(site, 'unix');
  for (let round = 0; round < STOPS; round++) {
    const serves = round % 2 === 1;
    site.reset(OLD);
    const faults: string[] = [];
    if (serves) await service.start();
    const program = serves ? push(service, site, WAY) : new Program(writeArgs(site, wanted));
    const stopped = serves ? service.program : program;
    await pace.wait(dice, site, program);
    stopped.kill('SIGSTOP');
    const over = program.over;
    await sleep(PAUSE);
    if (!over && !program.over) {
      tally.count(serves ? 'services stopped in an update' : 'writes stopped');
      const other = await sluice(writeArgs(site, wanted));
      const busy = other.code === 6 || (other.code === 0 && site.bytes().equals(after));
      if (!busy) faults.push(`another run beside it ended with ${other.code}: ${other.stderr}`);
    }
    stopped.kill('SIGCONT');
    const ended = await program.ended;
    if (ended.code !== 0) faults.push(`it ended with ${ended.code}: ${ended.stderr}${ended.stdout}`);
    if (!site.bytes().equals(after)) faults.push('the chip is not right');
    if (serves) await service.stop();
    tally.judge(`${serves ? 'service' : 'write'}, round ${round}`, [
      ...faults,
      ...(await finish(site, wanted, 0)).faults,
    ]);
  }
  site.remove();
}

const CLIENTS = 40;

/** The sender is killed, or told to stop, and not the service. */
export function clients(context: Context, tally: Tally): Promise<void> {
  return inLanes(context, CLIENTS, (lane) => clientLane(lane, tally));
}

async function clientLane({ dir, seed, rounds }: Lane, tally: Tally): Promise<void> {
  const dice = new Dice(seed);
  const site = new Site(dir, SCALE);
  const wanted = wholeOf(site);
  const after = withImages(OLD, wanted.bundle);
  const pace = new Pace(1500, 800);
  const service = await Service.make(site, 'unix', { resumeWithin: 1 });
  await service.start();
  for (let round = 0; round < rounds; round++) {
    const signal = (['SIGKILL', 'SIGTERM'] as const)[round % 2] as NodeJS.Signals;
    site.put(OLD);
    const logged = auditReceipts(site).length;
    const client = push(service, site, { ...WAY, piped: round % 4 >= 2 });
    await pace.wait(dice, site, client);
    client.kill(signal);
    const ended = await client.ended;
    tally.count(`${signal} of a client`);
    const faults: string[] = [];
    if (receiptOf(ended)?.outcome === 'committed' && !site.bytes().equals(after))
      faults.push('it says committed, and is not');
    if (ended.signal === null && ended.code !== 0 && ended.code !== 7) {
      faults.push(`it ended with ${ended.code}: ${ended.stderr}`);
    }
    const again = await push(service, site, WAY).ended;
    const receipt = receiptOf(again);
    if (again.code !== 0) faults.push(`the next push ended with ${again.code}: ${again.stderr}`);
    if (!site.bytes().equals(after)) faults.push('the chip is not right');
    const log = auditReceipts(site).slice(logged);
    if (log.at(-1)?.outcome !== 'committed') faults.push('the audit log does not end with a commit');
    for (const { outcome } of log.slice(0, -1))
      tally.count(`receipts of updates that lost their sender: ${outcome}`);
    if (receipt !== null && receipt.session.resumedFrom !== null) tally.count('resumed updates');
    if (seeJournal(site) !== null) faults.push('the journal is left');
    tally.judge(`seed ${seed}, ${signal} ${round}`, faults);
  }
  const { code, stderr } = await service.stop();
  if (code !== 0) tally.fail(`the service ended with ${code}: ${stderr}`);
  await verifyAudit(site, tally);
  site.remove();
}
