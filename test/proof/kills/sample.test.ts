/** A sample of the fault runs against the real program; `npm run test:kills` runs all of them. */
import { join } from 'node:path';
import t from 'tap';
import { GROUPS } from './groups.js';
import { shimLibrary } from './shim.js';
import { Tally } from './tally.js';
import { scratch } from '../../system/stock-bundle.js';

/** Shares of the full runs, by group. */
const SAMPLE = { write: 0.03, serve: 0.02, sweep: 0.03, storage: 0.04, signals: 0.05 };

/** Another one each day, so that CI sees other moments; the output says which. */
const SEED = Math.floor(Date.now() / 86_400_000);

for (const [name, share] of Object.entries(SAMPLE)) {
  const group = GROUPS[name];
  if (group === undefined) throw new Error(`there is no group ${name}`);
  t.test(`${group.title}: nothing is lost`, async (t) => {
    const tally = new Tally(group.title, (line) => t.comment(line));
    const dir = join(scratch(t), name);
    await group.run({ seed: SEED, dir, share, shim: shimLibrary(), say: () => {} }, tally);
    t.comment(`seed ${SEED}: ${tally.rounds} rounds, ${JSON.stringify(tally.counts)}`);
    for (const reason of tally.skipped) t.comment(`skipped: ${reason}`);
    t.same(tally.failures, []);
    if (tally.rounds === 0) t.ok(tally.skipped.length > 0, 'it says why nothing was run');
  });
}
