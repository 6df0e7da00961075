/** Memory that runs out: a control group whose limit is drawn tight at a random time, and a limit of address space. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmdirSync, writeFileSync } from 'node:fs';
import { OLD } from '../../system/board.js';
import { finish, writeArgs } from './finish.js';
import { Pace } from './moment.js';
import { Program } from './program.js';
import { Dice } from './random.js';
import { Site, withImages } from './site.js';
import type { Context, Tally } from './tally.js';
import { roundsOf } from './tally.js';
import { faultsAfterKill, type Wanted } from './verdict.js';
import { receiptOf, SCALE, verifyAudit } from './write-kills.js';

const ROUNDS = 20;

/** A memory control group, version 1 or 2. */
class Group {
  readonly folder: string;
  readonly #limit: string;
  readonly #usage: string;

  constructor() {
    const v1 = existsSync('/sys/fs/cgroup/memory/memory.limit_in_bytes');
    this.folder = `/sys/fs/cgroup/${v1 ? 'memory/' : ''}sluice-kills-${process.pid}`;
    mkdirSync(this.folder);
    this.#limit = `${this.folder}/${v1 ? 'memory.limit_in_bytes' : 'memory.max'}`;
    this.#usage = `${this.folder}/${v1 ? 'memory.usage_in_bytes' : 'memory.current'}`;
    try {
      if (!existsSync(this.#limit)) throw new Error('no memory controller');
      this.loosen();
    } catch (thrown) {
      this.remove();
      throw thrown;
    }
  }

  loosen(): void {
    writeFileSync(this.#limit, String(2 ** 40));
  }

  /** Leaves `spare` bytes beyond what is used and cannot be given back. */
  tighten(spare: number): void {
    // Version 1 refuses a limit that it cannot get down to; what it can is found step by step.
    for (let limit = Number(readFileSync(this.#usage, 'latin1')), step = 8 << 20; step >= 1 << 18;) {
      try {
        writeFileSync(this.#limit, String(Math.max(1 << 20, limit - step + spare)));
        limit -= step;
        if (limit < 1 << 20) return;
      } catch {
        step >>= 1;
      }
    }
  }

  remove(): void {
    try {
      rmdirSync(this.folder);
    } catch {
      // Of a process that is still going away.
    }
  }
}

export async function memory(context: Context, tally: Tally): Promise<void> {
  const { dir, seed } = context;
  const dice = new Dice(seed);
  const site = new Site(dir, SCALE);
  const wanted: Wanted = { bundle: site.bundles.first, only: null, policy: 'before-erase' };
  const after = withImages(OLD, wanted.bundle);
  const pace = new Pace(1500, 800);
  let group: Group | null = null;
  try {
    group = new Group();
  } catch (thrown) {
    tally.skipped.push(`no control group of memory can be made here: ${String(thrown)}`);
  }
  const prlimit = canLimit();
  if (!prlimit) tally.skipped.push('there is no prlimit');
  const ways = [...(group === null ? [] : ['cgroup' as const]), ...(prlimit ? ['prlimit' as const] : [])];
  for (const way of ways) {
    for (let round = 0; round < roundsOf(context, ROUNDS); round++) {
      site.put(OLD);
      group?.loosen();
      const before = way === 'cgroup' && group !== null ? `echo $$ > ${group.folder}/cgroup.procs;` : '';
      const program = new Program(writeArgs(site, wanted), { before });
      await pace.wait(dice, site, program);
      if (way === 'cgroup') group?.tighten(0);
      else limitAddresses(program.pid);
      const ended = await program.ended;
      group?.loosen();
      const { faults, landing } = faultsAfterKill(site, OLD, after, wanted);
      const how = ended.signal ?? (ended.code === 0 ? 'it got through' : `exit code ${ended.code}`);
      tally.count(`${way}: ${how}, ${landing}`);
      const receipt = receiptOf(ended);
      if (receipt?.outcome === 'committed' && !site.bytes().equals(after))
        faults.push('it says committed, and is not');
      if (ended.code === 0 && !site.bytes().equals(after))
        faults.push('it ended with 0, and the chip is not right');
      tally.judge(`${way}, round ${round} (${how})`, [...faults, ...(await finish(site, wanted)).faults]);
    }
  }
  group?.remove();
  await verifyAudit(site, tally);
  site.remove();
}

function canLimit(): boolean {
  try {
    execFileSync('prlimit', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** From now on the process gets no more memory. */
function limitAddresses(pid: number): void {
  try {
    execFileSync('prlimit', ['--pid', String(pid), '--as=1000000:1000000'], { stdio: 'ignore' });
  } catch {
    // It has ended.
  }
}
