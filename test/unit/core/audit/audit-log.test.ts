import {
  appendFileSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import { checkAudit } from '../../../../src/core/audit/audit-check.js';
import { AuditLog, type AuditLimits } from '../../../../src/core/audit/audit-log.js';
import { headText, parseHead, type AuditHead } from '../../../../src/core/audit/audit-line.js';
import { SluiceError } from '../../../../src/core/errors.js';
import { auditHost } from '../../../../src/host/node/state/audit-host.js';
import type { Receipt } from '../../../../src/core/update/report/receipt.js';
import { scratch } from '../../../system/stock-bundle.js';

const FROM = { via: 'cli', peer: null, user: 'root' } as const;

function receipt(message: string): Receipt {
  return {
    outcome: 'refused',
    code: 'ERR_TRUST_SIGNATURE',
    message,
    flash: 'untouched',
    bundle: { identity: null, kind: 'stock', version: null, machine: null },
    trust: { policy: 'before-erase', by: 'none', key: null },
    partitions: {},
    session: { resumedFrom: null, attempt: 1, journal: null },
    times: { wall: 0, flash: 0 },
    memory: { peakRss: 0 },
  };
}

/** A folder with a log of so many receipts; of small files where `fileBytes` is given. */
function logOf(
  count: number,
  limits: AuditLimits = {},
): { folder: string; log: AuditLog; path: string; heads: AuditHead[] } {
  const folder = scratch(t);
  const log = new AuditLog(auditHost, folder, limits);
  const heads = Array.from({ length: count }, (_, index) => log.append(FROM, receipt(`number ${index}`)));
  return { folder, log, path: join(folder, 'audit.log'), heads };
}

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');

function codeOf(act: () => unknown): string {
  try {
    act();
  } catch (thrown) {
    return thrown instanceof SluiceError ? thrown.code : String(thrown);
  }
  return 'none';
}

/** Lines with their line feeds. */
const linesOf = (path: string): string[] => readFileSync(path, 'latin1').split(/(?<=\n)/);

void t.test('each line carries the SHA-256 of all bytes of the one before', async (t) => {
  const { path, folder, heads } = logOf(3);
  const lines = linesOf(path);
  t.equal(lines.length, 4, 'a first line, and three receipts');
  for (const [index, line] of lines.entries()) {
    const { seq, prev, at } = JSON.parse(line) as { seq: number; prev: string | null; at: string };
    t.equal(seq, index + 1);
    t.equal(prev, index === 0 ? null : sha256(Buffer.from(lines[index - 1] as string, 'latin1')));
    t.match(at, /^\d{4}-\d\d-\d\dT.*Z$/);
  }
  const report = checkAudit(auditHost, folder);
  t.same(report.head, heads[2]);
  t.equal(report.torn, 0);
  t.match(report.lines[3], {
    kind: 'receipt',
    from: FROM,
    receipt: { message: 'number 2', outcome: 'refused' },
  });
  t.equal(statSync(path).mode & 0o777, 0o600);
});

void t.test('every byte that is changed, but in the last line, shows', async (t) => {
  const { path, folder, heads } = logOf(3);
  const whole = readFileSync(path);
  const last = whole.lastIndexOf(0x0a, whole.length - 2) + 1;
  const missed: number[] = [];
  for (let at = 0; at < last; at++) {
    const bytes = Buffer.from(whole);
    bytes[at] = (bytes[at] as number) ^ 1;
    writeFileSync(path, bytes);
    if (codeOf(() => checkAudit(auditHost, folder)) !== 'ERR_AUDIT_BROKEN') missed.push(at);
  }
  t.same(missed, []);
  const forged = Buffer.from(whole.toString('latin1').replace('number 2', 'number 9'), 'latin1');
  writeFileSync(path, forged);
  t.equal(
    codeOf(() => checkAudit(auditHost, folder)),
    'none',
    'a change of the last line does not show',
  );
  t.equal(
    codeOf(() => checkAudit(auditHost, folder, heads[2])),
    'ERR_AUDIT_HEAD',
    'except against a head that was kept',
  );
  writeFileSync(path, whole);
  t.equal(
    codeOf(() => checkAudit(auditHost, folder, heads[2])),
    'none',
  );
});

void t.test('lines that are missing, doubled or moved show', async (t) => {
  const { path, folder, heads } = logOf(4);
  const lines = linesOf(path);
  const [a, b, c, d, e] = lines as [string, string, string, string, string];
  for (const [what, kept] of Object.entries({
    first: [b, c, d, e],
    middle: [a, b, d, e],
    doubled: [a, b, b, c, d, e],
    moved: [a, c, b, d, e],
    'an empty line': [a, b, '\n', c, d, e],
  })) {
    writeFileSync(path, kept.join(''), 'latin1');
    t.equal(
      codeOf(() => checkAudit(auditHost, folder)),
      'ERR_AUDIT_BROKEN',
      what,
    );
  }
  writeFileSync(path, [a, b, c].join(''), 'latin1');
  t.equal(
    codeOf(() => checkAudit(auditHost, folder)),
    'none',
    'a tail that was cut off clean does not',
  );
  t.throws(() => checkAudit(auditHost, folder, heads[3]), {
    code: 'ERR_AUDIT_HEAD',
    message: /lines at its end were removed/,
  });
  rmSync(path);
  t.equal(
    codeOf(() => checkAudit(auditHost, folder)),
    'ERR_USAGE_STATE',
    'nor one that is gone: there is none',
  );
});

void t.test(
  'a cut at any byte of a line is not taken for tampering, and the next line repairs the log',
  async (t) => {
    const { path, folder, log } = logOf(2);
    const before = statSync(path).size;
    log.append(FROM, receipt('the one that is cut'));
    const whole = readFileSync(path);
    const wrong: string[] = [];
    for (let size = before; size < whole.length; size++) {
      writeFileSync(path, whole.subarray(0, size));
      const torn = checkAudit(auditHost, folder).torn;
      if (torn !== size - before) wrong.push(`${size}: ${torn} bytes torn`);
      log.append(FROM, receipt('the next one'));
      const { lines, torn: left } = checkAudit(auditHost, folder);
      const kinds = lines.map(({ kind }) => kind).join(' ');
      const complete = size === whole.length - 1;
      const expected =
        size === before
          ? 'begin receipt receipt receipt'
          : `begin receipt receipt ${complete ? 'receipt' : 'mended'} receipt`;
      if (left !== 0 || kinds !== expected) wrong.push(`${size}: ${kinds}`);
      // A repair does not change the torn bytes, so it cannot hide anything.
      if (!readFileSync(path).subarray(0, size).equals(whole.subarray(0, size)))
        wrong.push(`${size}: rewritten`);
    }
    t.same(wrong.slice(0, 5), []);
  },
);

void t.test('a cut in the middle of a repair is repaired by the next receipt', async (t) => {
  const { path, folder, log } = logOf(1);
  truncateSync(path, statSync(path).size - 20);
  const torn = statSync(path).size;
  log.append(FROM, receipt('after the cut'));
  const whole = readFileSync(path);
  const wrong: number[] = [];
  for (let size = torn; size < whole.length; size++) {
    writeFileSync(path, whole.subarray(0, size));
    log.append(FROM, receipt('again'));
    if (codeOf(() => checkAudit(auditHost, folder)) !== 'none') wrong.push(size);
  }
  t.same(wrong, []);
});

void t.test('a change of the torn part of a repaired line shows', async (t) => {
  const { path, folder, log } = logOf(1);
  truncateSync(path, statSync(path).size - 20);
  log.append(FROM, receipt('after the cut'));
  const bytes = readFileSync(path);
  const at = bytes.indexOf(0x1e) - 3;
  bytes[at] = (bytes[at] as number) ^ 1;
  writeFileSync(path, bytes);
  t.equal(
    codeOf(() => checkAudit(auditHost, folder)),
    'ERR_AUDIT_BROKEN',
  );
});

void t.test('zeros at the end, as some file systems leave them, are torn too', async (t) => {
  const { path, folder, log } = logOf(1);
  appendFileSync(path, Buffer.alloc(300));
  t.equal(checkAudit(auditHost, folder).torn, 300);
  log.append(FROM, receipt('next'));
  t.match(checkAudit(auditHost, folder).lines, [
    {},
    {},
    { kind: 'mended', torn: { bytes: 300 } },
    { kind: 'receipt' },
  ]);
});

void t.test('files are turned, the chain goes on across them, and only so many are kept', async (t) => {
  const { folder, path, heads } = logOf(60, { fileBytes: 3000, keptFiles: 2 });
  const files = readdirSync(folder).sort();
  t.equal(files.length, 3);
  t.ok(
    files.every((name) => statSync(join(folder, name)).size <= 3000),
    'no file is larger',
  );
  const { lines, head } = checkAudit(auditHost, folder);
  t.same(head, heads[59]);
  t.equal(lines[0]?.kind, 'begin', 'each file begins with a line of its own');
  t.ok((lines[0]?.seq ?? 0) > 1, 'the oldest ones are gone');
  t.equal(
    codeOf(() => checkAudit(auditHost, folder, heads[58])),
    'none',
  );
  t.throws(() => checkAudit(auditHost, folder, heads[0]), {
    code: 'ERR_AUDIT_HEAD',
    message: /no longer kept/,
  });
  for (const name of files.slice(0, 2)) {
    const bytes = readFileSync(join(folder, name));
    rmSync(join(folder, name));
    t.equal(
      codeOf(() => checkAudit(auditHost, folder)),
      'ERR_AUDIT_BROKEN',
      `${name} is missed`,
    );
    writeFileSync(join(folder, name), bytes);
  }
  // A cut between the turn of the files and the first line of the new one.
  const first = (JSON.parse(linesOf(path)[0] as string) as { seq: number }).seq;
  renameSync(path, join(folder, `audit.${String(first).padStart(12, '0')}.log`));
  t.same(checkAudit(auditHost, folder).head, heads[59]);
  new AuditLog(auditHost, folder, { fileBytes: 3000, keptFiles: 2 }).append(FROM, receipt('after it'));
  t.match(checkAudit(auditHost, folder).lines.slice(-2), [{ kind: 'begin' }, { kind: 'receipt' }]);
});

void t.test('a log that gets another file while it is read is whole', async (t) => {
  const { folder, log } = logOf(2, { fileBytes: 1 });
  let head: AuditHead | null = null;
  const files = Object.assign(Object.create(auditHost.files) as typeof auditHost.files, {
    list(path: string) {
      const found = auditHost.files.list(path);
      head ??= log.append(FROM, receipt('meanwhile'));
      return found;
    },
  });
  t.same(checkAudit({ ...auditHost, files }, folder).head, head);
  t.equal(readdirSync(folder).filter((name) => /^audit\.\d+\.log$/.test(name)).length, 2);
});

void t.test('an altered log takes further receipts, and stays broken', async (t) => {
  const { path, folder, log } = logOf(2);
  const lines = linesOf(path);
  writeFileSync(path, `${lines[0]}${lines[1]}not a line\n`);
  const head = log.append(FROM, receipt('next'));
  t.equal(head.sequence, 4);
  t.throws(() => checkAudit(auditHost, folder), { code: 'ERR_AUDIT_BROKEN', message: /line 3 is no line/ });
});

void t.test('a receipt that cannot be written is an error, and the log stays whole', async (t) => {
  const { folder, heads } = logOf(2);
  rmSync(join(folder, 'audit.log.lock'), { force: true });
  const missing = new AuditLog(auditHost, join(folder, 'gone'));
  t.throws(() => missing.append(FROM, receipt('x')), { code: 'ERR_AUDIT_APPEND' });
  t.same(checkAudit(auditHost, folder).head, heads[1]);
});

void t.test('heads are read as they are printed, and nothing else is', async (t) => {
  const head = { sequence: 12, hash: 'ab'.repeat(32) };
  t.same(parseHead(headText(head)), head);
  for (const text of [
    '',
    '12',
    '12:',
    ':ab',
    `-1:${head.hash}`,
    `12:${head.hash}0`,
    `12:${head.hash.toUpperCase()}`,
  ]) {
    t.equal(parseHead(text), null, text);
  }
});
