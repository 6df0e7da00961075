/** What `npm run bench:peers` runs in the guest. Reads /host/order, writes /host/answer. */
import { readFileSync, writeFileSync } from 'node:fs';
import { tidyFlash } from '../../../test/proof/guest/inside/mtd.js';
import { run, tool } from '../../../test/proof/guest/inside/run.js';
import { CHANGES, type Answer, type Medium, type Order, type Row } from '../shape.js';
import { openChip, prepareSwupdate } from './chips.js';
import { measureMarks } from './marks.js';
import { peersOf } from './peers.js';
import { measured, mountGroups, wearOf } from './runs.js';

const say = (text: string): void => void process.stdout.write(`bench: ${text}\n`);

/** Every peer at every change: once to count, then to measure. A change of 100 % comes first, as it is made anew. */
function measurePeers(medium: Medium, { repeats, url }: Order): Row[] {
  const chip = openChip(medium);
  const rows: Row[] = [];
  for (const { name: peer, words, tidy } of peersOf(medium, chip.mtd.name, url)) {
    for (const change of CHANGES.toReversed()) {
      const once = <T>(body: () => T): T => {
        chip.prepare(change);
        const found = body();
        chip.check();
        if (tidy !== undefined) tool(...tidy);
        return found;
      };
      const wear = once(() => wearOf(words));
      const runs = Array.from({ length: repeats }, () => once(() => measured(words)));
      rows.push({ medium, peer, change, runs, wear });
      say(`${medium} ${change} % ${peer}: ${runs.map(({ wall }) => wall.toFixed(2)).join(' ')} s`);
    }
  }
  return rows;
}

function versions(): Record<string, string> {
  const first = (...[program, ...args]: string[]): string =>
    run(program ?? '', args)
      .stdout.toString()
      .split('\n')[0] ?? '';
  return { kernel: first('uname', '-r'), sluice: first('/opt/sluice/bin/sluice', '--version') };
}

const order = JSON.parse(readFileSync('/host/order', 'utf8')) as Order;
mountGroups();
prepareSwupdate();
// The first start of a program reads it from the disk.
run('node', ['-e', '0']);
run('/opt/sluice/bin/sluice', ['--version']);

const rows: Row[] = [];
const marks: Partial<Record<Medium, ReturnType<typeof measureMarks>>> = {};
for (const medium of order.media) {
  if (order.sections.includes('marks')) {
    marks[medium] = measureMarks(medium, Math.max(order.repeats, 3));
    tidyFlash();
  }
  if (order.sections.includes('peers')) {
    rows.push(...measurePeers(medium, order));
    tidyFlash();
  }
}
const { nor, nand } = marks;
const answer: Answer = {
  rows,
  marks: nor === undefined || nand === undefined ? null : { nor, nand },
  versions: versions(),
};
writeFileSync('/host/answer', JSON.stringify(answer));
