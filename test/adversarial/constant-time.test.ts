/**
 * Where secrets and digests meet: each comparison in src/ that names one and is not in constant time stands here with
 * its reason, so that a new one has to be thought about.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { isSameSecret } from '../../src/host/node/crypto/secrets.js';

const SRC = fileURLToPath(new URL('../../src', import.meta.url));

/** What lets its holder do something, or proves something. */
const NAMES = String.raw`\w*(?:[dD]igest|[sS]ha256|[sS]ignature|[tT]oken|[pP]assword|[sS]ecret|[rR]esume|[hH]ash|[pP]rev|[hH]mac|[cC]ookie|[eE]tag)`;
const ENDS = String.raw`(?:\.(?!length|name|size|kind|startsWith|endsWith)\w+)*(?:\([^()]*\))?`;

/** `a === b` with one of them on a side, and compares of bytes that stop at the first difference. */
const COMPARES = [
  new RegExp(String.raw`\b${NAMES}${ENDS} (?:===|!==) (?!null|undefined|''|'[a-z]|\d|true|false)`),
  new RegExp(String.raw`(?:===|!==) (?:\w+\.)*${NAMES}\b(?!\.length|\w|\.size)`),
  /\.equals\(|Buffer\.compare\(/,
];

const READABLE = 'hashes of the audit log: every reader of the log has them';

/** Those that may stay, by file and a part of the line. */
const ALLOWED: readonly (readonly [file: string, line: string, why: string])[] = [
  [
    'host/node/platform.ts',
    'Buffer.compare(a, b)',
    'bytes read back from flash and proven ones: neither is secret',
  ],
  ['host/node/crypto/public-key.ts', '.equals(der)', 'two encodings of a public key'],
  ['host/node/crypto/public-key.ts', 'digest.length', 'lengths'],
  ['host/node/crypto/rsa-encoding.ts', 'digest.length', 'lengths'],
  ['tools/pack/pack.ts', 'Buffer.compare(old, bytes)', 'two files of the user'],
  ['tools/pack/survey.ts', 'scheme.hash', 'the name of a hash'],
  ['tools/pack/signing-key.ts', '.equals(createPublicKey', 'two public keys'],
  ['protocols/http/multipart/multipart-reader.ts', '.equals(', 'a boundary, which its sender has chosen'],
  ['core/audit/audit-check.ts', '.hash', READABLE],
  ['core/audit/audit-check.ts', '.prev', READABLE],
  ['core/audit/audit-log.ts', '.prev', READABLE],
  ['core/audit/audit-line.ts', 'hashOf(host, torn)', READABLE],
  ['protocols/redfish/json-body.ts', 'token ===', 'a token of JSON'],
];

function* sources(folder: string): Generator<string> {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    // The page runs in the browser of the user, who knows the secrets.
    if (entry.isDirectory()) {
      if (entry.name !== 'page') yield* sources(path);
    } else if (path.endsWith('.ts')) yield path;
  }
}

t.test('no secret and no digest is compared in a way that shows where it differs', (t) => {
  let seen = 0;
  for (const path of sources(SRC)) {
    const file = relative(SRC, path);
    for (const [at, line] of readFileSync(path, 'utf8').split('\n').entries()) {
      if (/^\s*(?:\*|\/\/|\/\*)/.test(line) || !COMPARES.some((compare) => compare.test(line))) continue;
      seen++;
      const known = ALLOWED.some(([where, part]) => where === file && line.includes(part));
      t.ok(known, `src/${file}:${at + 1}: ${line.trim()}`);
    }
  }
  t.ok(seen >= 5, `the search finds what there is (${seen})`);
  t.end();
});

t.test('two texts are the same secret when all of them is the same', (t) => {
  t.ok(isSameSecret('abc', 'abc'));
  for (const other of ['', 'abd', 'ab', 'abcd', 'ABC', 'abc\0'])
    t.notOk(isSameSecret('abc', other), JSON.stringify(other));
  t.end();
});
