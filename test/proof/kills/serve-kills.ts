/** SIGKILL at random times against `sluice serve`, while a client sends an update and goes on once it is there again. */
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { OLD } from '../../system/board.js';
import { Pace } from './moment.js';
import { Program, type Ended, type RunOptions } from './program.js';
import { Dice } from './random.js';
import { Site, withImages } from './site.js';
import { inLanes, type Context, type Lane, type Tally } from './tally.js';
import {
  auditReceipts,
  faultsAfterKill,
  faultsAtEnd,
  seeJournal,
  type Expected,
  type Wanted,
} from './verdict.js';
import { receiptOf, SCALE, verifyAudit } from './write-kills.js';

const KILLS = 200;

/** One way to send an update. */
export interface PushWay {
  readonly name: string;
  readonly form: 'proven' | 'gzip' | 'stock';
  /** From standard input: it cannot be gone on with, so the push is made anew. */
  readonly piped: boolean;
  readonly only: readonly string[] | null;
  readonly policy: Wanted['policy'];
}

const FILE: PushWay = { name: 'push', form: 'proven', piped: false, only: null, policy: 'before-erase' };

/** An update of one partition. */
export const PUSH_KERNEL: PushWay = { ...FILE, name: 'push, kernel only', only: ['kernel'] };

const WAYS: readonly PushWay[] = [
  FILE,
  PUSH_KERNEL,
  { ...FILE, name: 'push, gzip', form: 'gzip' },
  { ...FILE, name: 'push, stock, checked first', form: 'stock' },
  { ...FILE, name: 'push of a pipe, made anew', piped: true },
  {
    ...FILE,
    name: 'push of a pipe, stock, before-commit',
    piped: true,
    form: 'stock',
    policy: 'before-commit',
  },
];

/** `sluice serve` on one address through all its lives. */
export class Service {
  readonly #site: Site;
  readonly #config: string;
  readonly #listen: string;
  readonly url: string;
  #program: Program | null = null;

  private constructor(site: Site, listen: string, url: string, config: object) {
    this.#site = site;
    this.#listen = listen;
    this.url = url;
    this.#config = join(site.dir, `config-${listen.replace(/\W/g, '').slice(0, 40)}.json`);
    writeFileSync(this.#config, JSON.stringify(config));
  }

  static async make(site: Site, kind: 'unix' | 'tcp', more: object = {}): Promise<Service> {
    if (kind === 'unix') {
      const folder = join(site.dir, 'run');
      mkdirSync(folder, { recursive: true });
      const address = `unix:${join(folder, 'http.sock')}`;
      return new Service(site, address, address, more);
    }
    const address = `127.0.0.1:${await freePort()}`;
    const http = { allowWithoutCredentials: 'write' };
    return new Service(site, address, `http://${address}`, { ...more, http });
  }

  get program(): Program {
    if (this.#program === null) throw new Error('the service was not started');
    return this.#program;
  }

  /** Starts it, and waits until it listens. */
  async start(env: Readonly<Record<string, string>> = {}): Promise<void> {
    const program = this.launch({ env });
    for (let left = 6000; !program.stderr.includes('listening on'); left--) {
      if (program.over || left === 0) throw new Error(`the service did not start: ${program.stderr}`);
      await sleep(5);
    }
  }

  /** Starts it, and waits for nothing. */
  launch(options: RunOptions = {}): Program {
    const { args, state } = this.#site;
    const words = ['serve', ...args, '--state', state, '--http', this.#listen, '--config', this.#config];
    this.#program = new Program(words, options);
    return this.#program;
  }

  async kill(): Promise<Ended> {
    this.program.kill('SIGKILL');
    return this.program.ended;
  }

  async stop(): Promise<Ended> {
    this.program.kill('SIGTERM');
    return this.program.ended;
  }
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const at = server.address();
      server.close(() => resolve(typeof at === 'object' && at !== null ? at.port : 0));
    });
  });
}

/** A push under way. */
export function push(service: Service, site: Site, way: PushWay, wait = 60): Program {
  const path = site.bundles.first[way.form];
  const only = way.only === null ? [] : ['--only', way.only.join()];
  const trust = way.policy === 'before-erase' ? [] : ['--trust', way.policy];
  const words = ['push', service.url, way.piped ? '-' : path, '--json', '--quiet', '--retries', '20'];
  return new Program([...words, '--wait', String(wait), ...only, ...trust], way.piped ? { piped: path } : {});
}

/**
 * The calls of a service from its start until it has stored the receipt of an update.
 * @param env - of the shim, which writes the calls to `log`
 */
export async function callsOfPush(
  service: Service,
  site: Site,
  env: Readonly<Record<string, string>>,
  log: string,
): Promise<readonly string[]> {
  await service.start(env);
  await push(service, site, PUSH_KERNEL).ended;
  await service.stop();
  return readFileSync(log, 'latin1').trim().split('\n');
}

/** Waits until a push has ended well; one that cannot be gone on with is made anew. */
async function finished(service: Service, site: Site, way: PushWay, first: Program): Promise<Ended> {
  for (let program = first, left = 5; ; left--) {
    const ended = await program.ended;
    // The service went away under it, or had not come back yet.
    if (!way.piped || ended.code === 0 || left === 0) return ended;
    program = push(service, site, way);
  }
}

/** A board as a session found it. */
interface Found {
  readonly chip: Buffer;
  readonly journal: ReturnType<typeof seeJournal>;
  /** Receipts in the audit log. */
  readonly receipts: number;
}

const foundOn = (site: Site): Found => ({
  chip: site.bytes(),
  journal: seeJournal(site),
  receipts: auditReceipts(site).length,
});

export function serveKills(context: Context, tally: Tally): Promise<void> {
  return inLanes(context, KILLS, (lane) => serveLane(lane, tally));
}

async function serveLane({ dir, seed, rounds: kills, say }: Lane, tally: Tally): Promise<void> {
  const dice = new Dice(seed);
  const site = new Site(dir, SCALE);
  const services = [await Service.make(site, 'unix'), await Service.make(site, 'tcp')];
  const pace = new Pace(1500, 800);
  let service = services[seed % 2] as Service;
  await service.start();
  let killed = 0;
  for (let round = 0; killed < kills; round++) {
    const way = WAYS[(round + seed) % WAYS.length] as PushWay;
    const how = `seed ${seed}, round ${round} (${way.name}, ${service.url.split(':')[0]})`;
    const bundle = site.bundles.first;
    const wanted: Wanted = { bundle, only: way.only, policy: way.policy };
    const faults: string[] = [];
    site.put(round % 3 === 2 ? withImages(OLD, site.bundles.second) : OLD);
    const stands = [foundOn(site)];
    const [{ chip: start, receipts: logged }] = stands as [Found];
    const after = withImages(start, bundle, way.only);
    const chain = dice.pick([1, 1, 1, 2]);
    const client = push(service, site, way);
    for (let kill = 0; kill < chain; kill++) {
      const before = site.bytes();
      await pace.wait(dice, site, client);
      const idle = client.over;
      await service.kill();
      tally.count(idle ? 'kills of an idle service' : 'kills');
      if (!idle) killed++;
      const { faults: found, landing } = faultsAfterKill(site, before, after, wanted);
      if (!idle) tally.count(`kills: ${landing}`);
      faults.push(...found.map((fault) => `kill ${kill}: ${fault}`));
      stands.push(foundOn(site));
      for (const receipt of auditReceipts(site).slice(logged)) {
        if (receipt.outcome !== 'committed') faults.push(`the audit log says ${receipt.outcome}`);
        else if (!site.bytes().equals(after))
          faults.push('the audit log says committed, and the chip is not');
      }
      await service.start();
    }
    const ended = await finished(service, site, way, client);
    const receipt = receiptOf(ended);
    if (ended.code !== 0 || receipt === null)
      faults.push(`the push ended with ${ended.code}: ${ended.stderr}`);
    else {
      const log = auditReceipts(site);
      const line = log.findIndex(({ times }) => times.wall === receipt.times.wall);
      // The push may have ended just before a kill: then it found what the kill before that had left.
      const cuts = stands.findLastIndex(({ receipts }) => receipts <= line);
      const { chip, journal } = stands[Math.max(0, cuts)] as Found;
      faults.push(...faultsAtEnd(site, chip, after, wanted, receipt, expectedOf(way, journal, cuts)));
      const fresh = log.slice(logged);
      if (line < logged || fresh.length > chain + 1)
        faults.push(`the audit log got ${fresh.length} receipts`);
      for (const kept of fresh)
        if (kept.outcome !== 'committed') faults.push(`the audit log says ${kept.outcome}`);
      faults.push(...storedFaults(site));
      if (receipt.session.resumedFrom !== null) tally.count('resumed updates');
      else if (receipt.times.flash > 0.3) pace.note(ended.ms, receipt.times.flash * 1000);
    }
    tally.judge(how, faults);
    if (tally.failures.length > 20) break;
    if (faults.length > 0) {
      await service.kill();
      site.reset(OLD);
      await service.start();
    }
    if (round % 10 === 9) {
      say(`${tally.name}: ${tally.counts['kills']}, ${tally.failures.length} failed`);
      const stopped = await service.stop();
      if (stopped.code !== 0) tally.fail(`${how}: the service ended with ${stopped.code}: ${stopped.stderr}`);
      await verifyAudit(site, tally);
      const sockets = join(site.dir, 'run');
      if (existsSync(sockets) && readdirSync(sockets).length > 0) {
        tally.fail(`${how}: a service that was stopped has left its socket`);
      }
      service = services[((round + 1) / 10 + seed) % 2] as Service;
      await service.start();
    }
  }
  await service.stop();
  await verifyAudit(site, tally);
  tally.count('receipts in the audit logs', auditReceipts(site).length);
  site.remove();
}

function expectedOf(way: PushWay, journal: Found['journal'], cuts: number): Expected {
  const gates = way.policy === 'before-erase' ? 0 : 4;
  if (journal === null) return { attempt: 1, resumed: false, slack: gates };
  if (journal.bundle === '-') return { attempt: 1, resumed: false, slack: 8 * cuts + gates };
  return { attempt: journal.attempt + 1, resumed: true, slack: cuts + gates };
}

/** What is wrong with the receipts that the service keeps. */
export function storedFaults(site: Site): string[] {
  const folder = join(site.state, 'receipts');
  const names = readdirSync(folder).sort();
  const faults = names.length > 32 ? [`${names.length} receipts are kept`] : [];
  for (const name of names) {
    try {
      JSON.parse(readFileSync(join(folder, name), 'utf8'));
    } catch {
      faults.push(`${name} is not whole`);
    }
  }
  return faults;
}
