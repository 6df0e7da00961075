/** The built package has the licence notice of each package whose code is in it. */
import { readFileSync } from 'node:fs';
import t from 'tap';

t.test('dist has the notices of the bundled packages', (t) => {
  const notices = readFileSync('dist/THIRD-PARTY-LICENSES.txt', 'utf8');
  // What the program cannot do without, and one that comes with them.
  for (const name of ['xxhash-wasm', '@noble/curves', '@noble/hashes']) t.match(notices, `${name} `);
  t.end();
});
