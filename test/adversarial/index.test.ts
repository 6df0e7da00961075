/** docs/attacks.md names tests: they exist, and every test of this folder is named there. */
import { readdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { textOf, titlesOf } from '../kit/test-titles.js';

const root = fileURLToPath(new URL('../../', import.meta.url));
const page = textOf('docs/attacks.md');

/** File and title of each test that the page names; several titles may follow one file. */
function named(): { readonly file: string; readonly title: string }[] {
  const found: { file: string; title: string }[] = [];
  let file = '';
  for (const [, path, title] of page.matchAll(/`(test\/[\w/.-]+\.ts)`|"([^"]+)"/g)) {
    if (path !== undefined) file = path;
    else if (title !== undefined) found.push({ file, title });
  }
  return found;
}

t.test('every test that docs/attacks.md names exists', (t) => {
  const tests = named();
  t.ok(tests.length >= 60, `${tests.length} tests are named`);
  for (const { file, title } of tests) t.ok(titlesOf(file).includes(title), `${file}: ${title}`);
  t.end();
});

t.test('each lesson has a row and a test of its own', (t) => {
  const titles = named().map(({ title }) => title);
  for (let lesson = 1; lesson <= 15; lesson++) {
    t.match(page, new RegExp(`^\\| ${lesson} \\| `, 'm'), `row ${lesson}`);
    t.equal(titles.filter((title) => title.startsWith(`lesson ${lesson}: `)).length, 1, `test ${lesson}`);
  }
  t.end();
});

t.test('every attack of this folder is on the page', (t) => {
  const titles = new Set(named().map(({ title }) => title));
  const files = readdirSync(`${root}test/adversarial`).filter(
    (it) => it.endsWith('.test.ts') && it !== 'index.test.ts',
  );
  for (const file of files) {
    for (const title of titlesOf(`test/adversarial/${file}`)) t.ok(titles.has(title), `${file}: ${title}`);
  }
  t.end();
});
