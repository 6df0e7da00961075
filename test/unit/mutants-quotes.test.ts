/** The seeded faults and the mutants: what they quote of the source and what they copy of the repository must exist. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
// @ts-expect-error -- plain JavaScript
import stryker from '../../stryker.config.mjs';
// @ts-expect-error -- plain JavaScript
import { EXPLAINED } from '../proof/mutants/explained.mjs';
// @ts-expect-error -- plain JavaScript
import { FAULTS } from '../proof/mutants/faults.mjs';
// @ts-expect-error -- plain JavaScript
import { Test } from '../proof/mutants/tap.mjs';

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

t.test('the copy in which mutants are tested has every folder that a test imports from', (t) => {
  const copied = (stryker as { ignorePatterns: string[] }).ignorePatterns;
  const folders = new Set<string>();
  for (const tests of ['test/unit', 'test/spec', 'test/sim'])
    for (const name of readdirSync(tests, { recursive: true }) as string[]) {
      if (!name.endsWith('.ts')) continue;
      const path = join(tests, name);
      for (const [, from = ''] of readFileSync(path, 'utf8').matchAll(
        /^(?:import.*|\}) from '(\.\.\/[^']*)'/gm,
      ))
        folders.add(join(path, '..', from).split('/')[0] ?? '');
    }
  t.ok(folders.has('src'));
  for (const folder of folders)
    t.ok(
      copied.includes(`!${folder}`) || copied.includes(`!${folder}.mjs`) || folder === 'stryker.config.mjs',
      folder,
    );
  t.end();
});

/** Of tests that reach nothing that is mutated. */
const NOT_NEEDED = new Set(['capture', 'intercept']);

t.test('the stand-in for tap that runs the mutants has every assertion that a test uses', (t) => {
  const needed = new Set<string>();
  for (const tests of ['test/unit', 'test/spec', 'test/sim', 'test/kit'])
    for (const name of readdirSync(tests, { recursive: true }) as string[])
      if (name.endsWith('.ts'))
        for (const [, method = ''] of readFileSync(join(tests, name), 'utf8').matchAll(/\bt\.([a-z]\w*)\(/g))
          if (!NOT_NEEDED.has(method)) needed.add(method);
  const standIn = new Test() as Record<string, unknown>;
  t.ok(needed.has('rejects'));
  for (const method of needed) t.type(standIn[method], 'function', method);
  t.end();
});
