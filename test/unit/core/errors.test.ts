/** The table of errors: every row is whole, and nothing but its columns classifies a failure. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { ERRORS, SluiceError, type ErrorCode, type ErrorRow } from '../../../src/core/errors.js';

const CODES = Object.keys(ERRORS) as ErrorCode[];

/** What docs/http.md and its predecessors promise, for every code whose status its stage and exit code do not give. */
const STATUS: Partial<Record<ErrorCode, number>> = {
  ERR_USAGE_OPTION: 400,
  ERR_USAGE_ARGUMENT: 400,
  ERR_USAGE_PARTITION: 400,
  ERR_USAGE_REQUEST: 400,
  ERR_BUNDLE_NO_PARTITION: 422,
  ERR_BUNDLE_LAYOUT: 422,
  ERR_BUNDLE_TOO_BIG: 507,
  ERR_FLASH_BAD_BLOCKS: 507,
  ERR_FLASH_POWER_CUT: 503,
  ERR_SOURCE_CHANGED: 409,
  ERR_SOURCE_SILENT: 408,
  ERR_SESSION_CHECK: 404,
  ERR_SESSION_UPLOAD: 409,
  ERR_SESSION_INTERRUPTED: 503,
  ERR_SESSION_JOURNAL: 503,
  ERR_BUSY_CREDENTIALS: 401,
  ERR_BUSY_FORBIDDEN: 403,
  ERR_BUSY_GUESSES: 429,
};
const STATUS_OF_STAGE: Record<ErrorRow['stage'], number> = {
  usage: 500,
  trust: 422,
  source: 400,
  bundle: 400,
  flash: 500,
  busy: 503,
  session: 500,
  audit: 500,
};

t.test('every row has every column', (t) => {
  const columns = ['exit', 'http', 'meaning', 'next', 'nextRemote', 'redfish', 'retry', 'stage', 'wear'];
  for (const code of CODES) {
    const row: ErrorRow = ERRORS[code];
    t.same(Object.keys(row).sort(), columns, code);
    t.notOk(Object.values(row).includes(undefined), code);
  }
  t.end();
});

t.test('a code outside of the table does not compile', (t) => {
  // @ts-expect-error the table has no such code
  const error = new SluiceError('ERR_USAGE_NOTHING', 'nothing');
  t.throws(() => error.exit, TypeError);
  t.end();
});

t.test('the status of each code is the one that docs/http.md gives', (t) => {
  for (const code of CODES) {
    const { http, stage } = ERRORS[code];
    t.equal(http, STATUS[code] ?? STATUS_OF_STAGE[stage], code);
  }
  const rows = readFileSync('docs/http.md', 'utf8').match(/^\| \d{3}[^|]*\|.*$/gm) ?? [];
  const documented = new Set(rows.flatMap((row) => row.split('|')[1]?.match(/\d{3}/g) ?? []));
  for (const code of CODES) t.ok(documented.has(String(ERRORS[code].http)), `${code} is documented`);
  for (const row of rows) {
    const [, status = ''] = row.split('|');
    for (const [code] of row.matchAll(/ERR_[A-Z_]+/g))
      t.match(status, String(ERRORS[code as ErrorCode].http), `${code} stands in the right row`);
  }
  t.end();
});

t.test('wear is a property of four codes', (t) => {
  t.same(
    CODES.filter((code) => ERRORS[code].wear),
    ['ERR_FLASH_READ', 'ERR_FLASH_ERASE', 'ERR_FLASH_PROGRAM', 'ERR_FLASH_READ_BACK'],
  );
  t.end();
});

t.test('no next step over HTTP names an option of a command', (t) => {
  for (const code of CODES) t.notMatch(ERRORS[code].nextRemote, /(?:^|\s)--[a-z]/, code);
  t.end();
});

t.test('the rows are in the English of the house', (t) => {
  const old = /\b(mend|anew|broken off|right already|may not|whoever|tells|gone on with|beforehand)\b/i;
  for (const code of CODES) {
    const { meaning, next, nextRemote } = ERRORS[code];
    for (const text of [meaning, next, nextRemote]) t.notMatch(text, old, code);
  }
  t.end();
});

t.test('nothing in src classifies by the beginning of a code or by a list of codes', (t) => {
  const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((path) =>
    path.endsWith('.ts'),
  );
  t.ok(files.length > 100);
  for (const path of files) {
    const text = readFileSync(join('src', path), 'utf8');
    t.notMatch(text, /startsWith\(\s*['"`]ERR_/, path);
    t.notMatch(text, /new Set(?:<[^>]*>)?\(\[\s*['"`]ERR_/, path);
    t.notMatch(text, /case 'ERR_/, path);
  }
  t.end();
});

t.test('an error has no state of the flash until somebody has established it, and is never changed', (t) => {
  const cause = Object.assign(new Error('no'), { code: 'EIO' });
  const detail = { partition: 'rofs', block: 3, member: 'image-rofs', cause } as const;
  const error = new SluiceError('ERR_FLASH_ERASE', 'block 3 of rofs: erase failed', detail);
  t.equal(error.flash, null);
  const known = error.withFlash('partial');
  t.equal(error.flash, null);
  t.match(known, {
    code: 'ERR_FLASH_ERASE',
    message: error.message,
    errno: 'EIO',
    flash: 'partial',
    ...detail,
  });
  t.equal(known.stack, error.stack);
  t.equal(known.withFlash('partial'), known);
  t.end();
});

t.test('the next step fits the channel', (t) => {
  const here = new SluiceError('ERR_TRUST_NO_KEYS', 'no keys');
  t.match(here.next, /--keys/);
  t.notMatch(here.nextRemote, /--keys/);
  const there = new SluiceError('ERR_TRUST_NO_KEYS', 'no keys', { remote: true });
  t.equal(there.next, here.nextRemote);
  t.equal(there.withFlash('untouched').next, here.nextRemote);
  t.end();
});
