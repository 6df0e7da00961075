/**
 * Fault runs against the program as it is built:
 * `npm run test:kills -- [--only TEXT] [--seed N] [--share N] [--record]`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { GROUPS } from './groups.js';
import { record } from './report.js';
import { shimLibrary } from './shim.js';
import { Tally } from './tally.js';

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: '' },
    seed: { type: 'string', default: '1' },
    share: { type: 'string', default: '1' },
    lanes: { type: 'string', default: '2' },
    record: { type: 'boolean', default: false },
  },
});

const seed = Number(values.seed);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const root = mkdtempSync(join(tmpdir(), 'sluice-kills-'));
process.on('exit', () => rmSync(root, { recursive: true, force: true }));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => process.exit(1));

const started = Date.now();
const shim = shimLibrary();
const chosen = Object.entries(GROUPS).filter(([name]) => name.includes(values.only));
const all = Object.keys(GROUPS);
const left = [...chosen];
const tallies: Tally[] = [];

say(`seed ${seed}`);
async function lane(): Promise<void> {
  for (let next = left.shift(); next !== undefined; next = left.shift()) {
    const [name, { title, run }] = next;
    const since = Date.now();
    const context = {
      seed: seed * 1000 + all.indexOf(name),
      dir: join(root, name),
      share: Number(values.share),
      shim,
      say,
    };
    const tally = new Tally(title, say);
    await run(context, tally);
    tally.seconds = Math.round((Date.now() - since) / 1000);
    tallies.push(tally);
    const counts = Object.entries(tally.counts).map(([what, count]) => `${what} ${count}`);
    say(
      `${tally.name}: ${tally.rounds} rounds, ${tally.failures.length} failed, ${tally.seconds} s; ${counts.join(', ')}`,
    );
    for (const reason of tally.skipped) say(`  skipped: ${reason}`);
  }
}
await Promise.all(Array.from({ length: Number(values.lanes) }, lane));

const seconds = Math.round((Date.now() - started) / 1000);
const failed = tallies.reduce((sum, { failures }) => sum + failures.length, 0);
const rounds = tallies.reduce((sum, tally) => sum + tally.rounds, 0);
say(`${rounds} rounds, ${failed} failed, seed ${seed}, ${seconds} s`);
if (values.record)
  record(
    tallies,
    Object.values(GROUPS).map(({ title }) => title),
    seed,
  );
process.exitCode = failed === 0 ? 0 : 1;
