/**
 * The table at the top of each file of test/spec is its specification.
 *
 * | promised | shown by |
 * |---|---|
 * | every case is in the table, and every case of the table exists | "${file} has its cases in its table" |
 */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { textOf, titlesOf } from '../kit/test-titles.js';

const FOLDER = fileURLToPath(new URL('.', import.meta.url));

for (const file of readdirSync(FOLDER).filter((name) => name.endsWith('.test.ts'))) {
  t.test(`${file} has its cases in its table`, async (t) => {
    const [table = ''] = textOf(`test/spec/${file}`).split('*/');
    const shown = [...table.matchAll(/\| "(.+)" \|$/gm)].map(([, title]) => title);
    t.same(shown.sort(), titlesOf(`test/spec/${file}`).sort());
    t.ok(shown.length > 0, 'there is a case');
  });
}
