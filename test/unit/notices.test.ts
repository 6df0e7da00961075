/** The licences of bundled packages: each package in a bundle has its notice, and one without stops the build. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
// @ts-expect-error -- plain JavaScript
import { bundledPackages, licenceNotices } from '../../.ci/notices.mjs';

t.test('packages are found in the inputs of all bundles, the innermost one, each once', (t) => {
  const inputs = [
    { 'src/index.ts': {}, 'node_modules/a/lib/x.js': {}, 'node_modules/@s/b/index.js': {} },
    { 'node_modules/a/lib/y.js': {}, 'node_modules/a/node_modules/c/c.wasm': {} },
  ].map((inputs) => ({ inputs }));
  t.strictSame(bundledPackages(inputs), [
    'node_modules/@s/b',
    'node_modules/a',
    'node_modules/a/node_modules/c',
  ]);
  t.end();
});

t.test('a notice has name, version, licence and text', (t) => {
  const folder = t.testdir({
    one: {
      'package.json': '{"name":"one","version":"1.2.3","license":"MIT"}',
      'LICENSE.md': 'text of one\n',
    },
    two: {
      'package.json': '{"name":"two","version":"2.0.0","license":"ISC"}',
      licence: 'two',
      NOTICE: 'more',
    },
  });
  const found = licenceNotices([join(folder, 'one'), join(folder, 'two')]) as string;
  t.match(found, /^one 1\.2\.3 \(MIT\)\n\ntext of one\n/);
  t.match(found, /two 2\.0\.0 \(ISC\)\n\nmore\n\ntwo\n$/);
  t.end();
});

t.test('a package without a licence stops the build', (t) => {
  const folder = t.testdir({
    unnamed: { 'package.json': '{"name":"x","version":"1.0.0"}', LICENSE: 'text' },
    textless: { 'package.json': '{"name":"x","version":"1.0.0","license":"MIT"}', 'index.js': '' },
  });
  for (const name of ['unnamed', 'textless'])
    t.throws(() => licenceNotices([join(folder, name)]), /must not be bundled/, name);
  t.end();
});

t.test('every package that the sources import at run time can be bundled', (t) => {
  const { dependencies } = JSON.parse(readFileSync('package.json', 'utf8')) as { dependencies: object };
  const names = Object.keys(dependencies);
  t.ok(names.length > 0);
  for (const name of names) t.match(licenceNotices([`node_modules/${name}`]), `${name} `);
  t.end();
});
