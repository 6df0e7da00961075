/** The seeded faults and the explained mutants quote the source: a quote that no longer fits tests nothing. */
import { existsSync, readFileSync } from 'node:fs';
import t from 'tap';
// @ts-expect-error -- plain JavaScript
import { EXPLAINED } from '../mutants/explained.mjs';
// @ts-expect-error -- plain JavaScript
import { FAULTS } from '../mutants/faults.mjs';

const faults = FAULTS as readonly { file: string; from: string }[];
const explained = EXPLAINED as readonly { file: string; line: string }[];

const count = (file: string, text: string): number =>
  existsSync(file) ? readFileSync(file, 'utf8').split(text).length - 1 : 0;

t.test('each seeded fault changes one place of its source', (t) => {
  t.ok(faults.length > 0);
  t.same(
    faults.filter(({ file, from }) => count(file, from) !== 1),
    [],
  );
  t.end();
});

t.test('each explained mutant is in a line of its source', (t) => {
  t.ok(explained.length > 0);
  t.same(
    explained.filter(({ file, line }) => count(file, line) === 0),
    [],
  );
  t.end();
});
