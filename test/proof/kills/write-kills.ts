/** SIGKILL at random times against `sluice write`, each time followed by a run that has to finish the update. */
import type { Receipt } from '../../../src/core/update/report/receipt.js';
import { OLD } from '../../system/board.js';
import { Pace } from './moment.js';
import { Program, sluice, type Ended } from './program.js';
import { Dice } from './random.js';
import { Site, withImages, type Bundle } from './site.js';
import { inLanes, type Context, type Lane, type Tally } from './tally.js';
import {
  auditReceipts,
  faultsAfterKill,
  faultsAtEnd,
  seeJournal,
  type Expected,
  type Wanted,
} from './verdict.js';

/** Erase and program of a block take 33 ms at this scale, a whole update 0.7 s and the start of the program. */
export const SCALE = 0.1;

const KILLS = 200;

/** One way to run an update. */
interface Way {
  readonly name: string;
  readonly bundle: keyof Site['bundles'];
  readonly form: 'proven' | 'gzip' | 'stock';
  readonly piped: boolean;
  readonly only: readonly string[] | null;
  readonly policy: Wanted['policy'];
  /** The bundle of the run that finishes; the same if nothing is said. */
  readonly finish?: keyof Site['bundles'];
}

const FILE: Way = {
  name: 'file',
  bundle: 'first',
  form: 'proven',
  piped: false,
  only: null,
  policy: 'before-erase',
};

export const WAYS: readonly Way[] = [
  FILE,
  { ...FILE, name: 'another bundle', finish: 'second' },
  { ...FILE, name: 'kernel only', only: ['kernel'] },
  { ...FILE, name: 'pipe', piped: true },
  { ...FILE, name: 'before-commit, stock, pipe', form: 'stock', piped: true, policy: 'before-commit' },
  { ...FILE, name: 'gzip', form: 'gzip' },
  { ...FILE, name: 'stock, read twice', form: 'stock' },
  { ...FILE, name: 'an altogether other bundle', finish: 'other' },
  { ...FILE, name: 'gzip, pipe, before-commit', form: 'gzip', piped: true, policy: 'before-commit' },
  { ...FILE, name: 'unsigned', policy: 'unsigned' },
];

const wantedOf = (way: Way, bundle: Bundle): Wanted => ({
  bundle,
  only: way.only,
  policy: way.policy,
});

/** Arguments of `write`, and the file that is piped into it. */
export function runOf(site: Site, way: Way, bundle: Bundle): { args: string[]; piped?: string } {
  const path = bundle[way.form];
  const only = way.only === null ? [] : ['--only', way.only.join()];
  const args = ['write', way.piped ? '-' : path, ...site.args, '--state', site.state, '--trust', way.policy];
  return { args: [...args, ...only, '--json'], ...(way.piped ? { piped: path } : {}) };
}

export const receiptOf = ({ stdout }: Pick<Ended, 'stdout'>): Receipt | null => {
  try {
    return JSON.parse(stdout) as Receipt;
  } catch {
    return null;
  }
};

export function writeKills(context: Context, tally: Tally): Promise<void> {
  return inLanes(context, KILLS, (lane) => writeLane(lane, tally));
}

async function writeLane({ dir, seed, rounds: kills, say }: Lane, tally: Tally): Promise<void> {
  const dice = new Dice(seed);
  const site = new Site(dir, SCALE);
  const clean = runOf(site, FILE, site.bundles.first);
  const first = await sluice(clean.args);
  const pace = new Pace(first.ms, (receiptOf(first)?.times.flash ?? 1) * 1000);
  site.reset(OLD);
  let killed = 0;
  for (let round = 0; killed < kills; round++) {
    const way = WAYS[(round + seed * 3) % WAYS.length] as Way;
    const how = `seed ${seed}, round ${round} (${way.name})`;
    const bundle = site.bundles[way.bundle];
    const faults: string[] = [];
    // Each third round finds a chip on which the version before is.
    const start = round % 3 === 2 ? withImages(OLD, site.bundles.second) : OLD;
    site.put(start);
    const chain = dice.pick([1, 1, 1, 2, 2, 3]);
    const receiptsBefore = auditReceipts(site).length;
    let told = 0;
    let attempts = 0;
    let cuts = 0;
    for (let kill = 0; kill < chain; kill++) {
      const before = site.bytes();
      const { args, piped } = runOf(site, way, bundle);
      const program = new Program(args, piped === undefined ? {} : { piped });
      await pace.wait(dice, site, program);
      program.kill('SIGKILL');
      const ended = await program.ended;
      const after = withImages(before, bundle, way.only);
      const wanted = wantedOf(way, bundle);
      const said = receiptOf(ended);
      if (said !== null && (said.outcome !== 'committed' || !site.bytes().equals(after))) {
        faults.push(`a run that was killed says ${said.outcome}`);
      }
      if (ended.signal !== 'SIGKILL') {
        tally.count('runs that had ended before their kill');
        told++;
        if (ended.code !== 0) faults.push(`a run ended with ${ended.code}: ${ended.stderr}`);
        break;
      }
      tally.count('kills');
      cuts++;
      killed++;
      const { faults: found, landing } = faultsAfterKill(site, before, after, wanted);
      tally.count(`kills: ${landing}`);
      faults.push(...found.map((fault) => `kill ${kill}: ${fault}`));
      const journal = seeJournal(site);
      const known = way.policy === 'before-erase' || way.form !== 'stock';
      if (journal === null) attempts = 0;
      else if (known) {
        // A session counts when it was about to change something; what changed the chip has counted.
        const changed = !site.bytes().equals(before);
        const least = attempts + (changed ? 1 : 0);
        if (journal.attempt < least || journal.attempt > attempts + 1) {
          faults.push(`kill ${kill}: the journal says attempt ${journal.attempt} after ${attempts}`);
        }
        attempts = journal.attempt;
      }
    }
    const again = way.finish ?? way.bundle;
    const journal = seeJournal(site);
    const before = site.bytes();
    const other = site.bundles[again];
    const after = withImages(before, other, way.only);
    const { args, piped } = runOf(site, way, other);
    const ended = await sluice(args, piped === undefined ? {} : { piped });
    const receipt = receiptOf(ended);
    if (ended.code !== 0 || receipt === null)
      faults.push(`the run behind ended with ${ended.code}: ${ended.stderr}`);
    else {
      const expected = expectedOf(way, journal, receipt, cuts);
      faults.push(...faultsAtEnd(site, before, after, wantedOf(way, other), receipt, expected));
      const log = auditReceipts(site);
      // A run that was killed right behind its line has told nobody; that it was committed was looked at.
      const extra = log.length - receiptsBefore - told - 1;
      if (extra < 0 || extra > chain) faults.push(`the audit log has ${extra} receipts too many`);
      if (extra > 0) tally.count('kills between the audit log and the output', extra);
      for (const kept of log.slice(receiptsBefore)) {
        if (kept.outcome !== 'committed') faults.push(`the audit log says ${kept.outcome}`);
      }
      if (log.at(-1)?.message !== receipt.message) faults.push('the audit log does not end with the receipt');
      if (journal !== null && receipt.session.resumedFrom !== null) tally.count('resumed runs');
      if (receipt.session.resumedFrom === null && receipt.times.flash > 0.3) {
        pace.note(ended.ms, receipt.times.flash * 1000);
      }
    }
    tally.judge(how, faults);
    if (round % 10 === 9) {
      await verifyAudit(site, tally);
      say(`${tally.name}: ${tally.counts['kills']}, ${tally.failures.length} failed`);
    }
    if (tally.failures.length > 20) break;
    if (faults.length > 0) site.reset(OLD);
  }
  await verifyAudit(site, tally);
  tally.count('receipts in the audit logs', auditReceipts(site).length);
  site.remove();
}

/** `sluice audit verify` has nothing against the log. */
export async function verifyAudit(site: Site, tally: Tally): Promise<void> {
  const { code, stderr } = await sluice(['audit', 'verify', '--state', site.state]);
  tally.count('sluice audit verify');
  if (code !== 0) tally.fail(`sluice audit verify ended with ${code}: ${stderr}`);
}

/** What the run that finishes must say, by what the journal said and the chip holds. */
function expectedOf(
  way: Way,
  journal: ReturnType<typeof seeJournal>,
  receipt: Receipt,
  cuts: number,
): Expected {
  const same = journal !== null && journal.bundle !== '-' && journal.bundle === receipt.bundle.identity;
  if (way.finish !== undefined && same) throw new Error('two bundles have one identity');
  const gates = way.policy === 'before-erase' ? 0 : 4;
  if (journal === null) return { attempt: 1, resumed: false, slack: gates };
  if (journal.bundle === '-') return { attempt: 1, resumed: false, slack: 8 * cuts + gates };
  if (!same) return { attempt: 1, resumed: false, slack: 64 };
  // It counts as an attempt also when there is nothing left to be changed. Each cut may have torn one block.
  return { attempt: journal.attempt + 1, resumed: true, slack: cuts + gates };
}
