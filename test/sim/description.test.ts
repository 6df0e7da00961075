import * as fc from 'fast-check';
import t from 'tap';
import {
  formatDescription,
  parseDescription,
  parseFault,
  type ChipDescription,
} from '../../src/core/sim/index.js';
import { BLOCKS, ERASE, PAGE, small } from './chips.js';

const description: ChipDescription = {
  name: 'chip.bin',
  geometry: { type: 'nand', size: small.size, eraseSize: ERASE, writeSize: PAGE },
  layout: { name: 'small', partitions: small.partitions },
  timing: { model: 'w25n01gv', scale: 0.25 },
  factoryBad: [1, 7],
  grownBad: [3],
  faults: ['fail:erase@2:3:ever', 'cut:torn:any:120', 'stuck:9:1:0', 'flip:4:9:2'].map(parseFault),
  wear: Uint32Array.of(3, 0, 0, 5, 5, 5, ...Array.from({ length: BLOCKS - 6 }, () => 0)),
  totals: { erases: 18, programs: 2, reads: 7, bytesRead: 700, bytesProgrammed: 1024, busyMs: 36.5 },
  torn: [{ block: 5, bits: [0, 9, ERASE * 8 - 1], quiet: 3, reads: 1, seed: 0xffffffff }],
};

t.test('a description comes back as it was written', (t) => {
  const text = formatDescription(description);
  t.strictSame(parseDescription(text, 'x.json'), description);
  t.match(text, '"wear": "3 0*2 5*3 0*10"', 'wear is compact');
  t.end();
});

t.test('wear of any shape comes back', (t) => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.nat(3), fc.nat(0xffffffff)), { minLength: BLOCKS, maxLength: BLOCKS }),
      (counts) => {
        const wear = Uint32Array.from(counts);
        const back = parseDescription(formatDescription({ ...description, wear }), 'x').wear;
        return back.every((erases, block) => erases === wear[block]);
      },
    ),
  );
  t.end();
});

t.test('a description with mistakes is refused, all of them named at once', (t) => {
  const json = JSON.parse(formatDescription(description)) as Record<string, unknown>;
  const refused = (change: Record<string, unknown>, message: RegExp): void => {
    t.throws(() => parseDescription(JSON.stringify({ ...json, ...change }), 'x.json'), {
      code: 'ERR_USAGE_SIM',
      message,
    });
  };
  refused({ 'sluice-sim': 2 }, /the only known version/);
  refused({ colour: 'red' }, /colour is unknown/);
  refused({ name: undefined }, /name is missing/);
  refused({ name: 'a\nb' }, /name must be/);
  refused({ geometry: { type: 'ubi', size: 1, eraseSize: 1, writeSize: 1 } }, /nor, nand/);
  refused({ geometry: { type: 'nor', size: 1e30, eraseSize: 1, writeSize: 1 } }, /geometry.size/);
  refused({ timing: { model: 'fast', scale: 0 } }, /timing.model/);
  refused({ timing: { model: 'none', scale: -1 } }, /timing.scale/);
  refused({ timing: { model: 'none', scale: null } }, /timing.scale/);
  refused({ bad: { factory: [BLOCKS], grown: [] } }, /bad.factory\[0\]/);
  refused({ bad: { factory: [2, 1], grown: [] } }, /ascend/);
  refused({ bad: { factory: [2, 2], grown: [] } }, /ascend/);
  refused({ faults: [{ kind: 'fail', on: 'erase', nth: 1 }] }, /times is missing/);
  refused({ faults: [{ kind: 'boom' }] }, /faults\[0\].kind/);
  refused({ faults: [parseFault(`weak:${BLOCKS}`)] }, /faults\[0\]/);
  refused({ wear: '1 2 3' }, /wear must have a count for each of the 16/);
  refused({ wear: '0*17' }, /wear/);
  refused({ wear: '4294967296 0*15' }, /wear/);
  refused({ wear: 'x' }, /wear/);
  refused({ wear: [0] }, /wear/);
  refused({ totals: { ...description.totals, erases: -1 } }, /totals.erases/);
  refused({ layout: { name: 'small', partitions: [] } }, /layout.partitions/);
  const torn = { block: 0, bits: [1], quiet: 0, reads: 0, seed: 0 };
  refused({ torn: [{ ...torn, block: BLOCKS }] }, /torn\[0\].block/);
  refused({ torn: [{ ...torn, bits: [ERASE * 8] }] }, /torn\[0\].bits\[0\]/);
  refused({ torn: [{ ...torn, bits: [2, 2] }] }, /torn\[0\].bits must ascend/);
  refused({ torn: [{ ...torn, bits: Array(65).fill(1) }] }, /at most 64/);
  refused({ torn: [{ ...torn, seed: -1 }] }, /torn\[0\].seed/);
  refused({ torn: [{ ...torn, colour: 1 }] }, /colour is unknown/);
  refused({ torn: 7 }, /torn must be a list/);
  refused({ timing: 1, bad: 2, faults: 3 }, /timing.*bad.*faults/);
  for (const text of ['', '{', '[]', 'null', '1', '"x"']) {
    t.throws(() => parseDescription(text, 'x.json'), { code: 'ERR_USAGE_SIM', message: /x\.json/ }, text);
  }
  t.end();
});
