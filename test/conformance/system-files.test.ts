/** The contract of src/core/system-files.ts as tests, run on the files of this machine and on files in memory. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createHash } from 'node:crypto';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { checkAudit } from '../../src/core/audit/audit-check.js';
import { AuditLog } from '../../src/core/audit/audit-log.js';
import { loadKeys } from '../../src/core/trust/load-keys.js';
import { FileJournal } from '../../src/core/update/resume/file-journal.js';
import { deviceAt, type SystemFiles } from '../../src/core/system-files.js';
import type { Receipt } from '../../src/core/update/report/receipt.js';
import { sha256 } from '../../src/host/node/crypto/sha256.js';
import { nodeFiles } from '../../src/host/node/fs/node-files.js';
import { nodePlatform } from '../../src/host/node/platform.js';
import { MemoryFiles } from '../kit/memory-files.js';
import { edKey } from '../kit/trust-kit.js';

/** SHA-256 of an audit log with one receipt. */
const RECORDED = '1f984015b5860a97975d20ae1b3642adc3c5748844f9eba36c84a577e3018d1f';

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);

/** An implementation with `/file`, `/folder/inner`, `/away` (a link to the folder) and `/lost` (a link to nothing). */
interface Subject {
  readonly files: SystemFiles;
  readonly root: string;
  put(path: string, text: string): void;
}

const SENTENCES: Record<string, (t: Test, subject: Subject) => Promise<void> | void> = {
  'a folder has its entries, each with its own kind': (t, { files, root }) => {
    const found = [...files.list(root)].sort((a, b) => (a.name < b.name ? -1 : 1));
    t.same(found, [
      { name: 'away', kind: 'other' },
      { name: 'file', kind: 'file' },
      { name: 'folder', kind: 'folder' },
      { name: 'lost', kind: 'other' },
    ]);
    t.same(files.list(`${root}/away`), [{ name: 'inner', kind: 'file' }]);
    t.throws(() => files.list(`${root}/none`), { code: 'ENOENT' });
    t.throws(() => files.list(`${root}/file`), { code: 'ENOTDIR' });
  },

  'a text is read through links': (t, { files, root }) => {
    t.equal(files.text(`${root}/file`), 'grün\n');
    t.equal(files.text(`${root}/away/inner`), 'inner');
    t.throws(() => files.text(`${root}/lost`), { code: 'ENOENT' });
    t.throws(() => files.text(`${root}/file/below`), { code: 'ENOTDIR' });
  },

  'a small file is read if it is regular, small and no link': (t, { files, root }) => {
    t.same(Buffer.from(files.readSmall(`${root}/file`, 6) as Uint8Array), Buffer.from('grün\n'));
    t.equal(files.readSmall(`${root}/file`, 5), 'large');
    t.equal(files.readSmall(`${root}/folder`, 5), 'irregular');
    t.throws(() => files.readSmall(`${root}/lost`, 5), { code: 'ELOOP' });
    t.throws(() => files.readSmall(`${root}/none`, 5), { code: 'ENOENT' });
  },

  'stat, link and real path say what a path leads to': (t, { files, root }) => {
    t.equal(files.stat(`${root}/file`).kind, 'file');
    t.equal(files.stat(`${root}/away`).kind, 'folder');
    t.equal(files.stat(`${root}/away/inner`).id, files.stat(`${root}/folder/inner`).id);
    t.not(files.stat(`${root}/file`).id, files.stat(`${root}/folder/inner`).id);
    t.same(deviceAt(files, `${root}/away/inner`), files.stat(`${root}/folder/inner`));
    t.equal(deviceAt(files, `${root}/folder`), null);
    t.equal(deviceAt(files, `${root}/lost`), null);
    t.equal(files.link(`${root}/away`), 'folder');
    t.throws(() => files.link(`${root}/file`), { code: 'EINVAL' });
    t.equal(files.realPath(`${root}/away/inner`), `${files.realPath(root)}/folder/inner`);
    t.throws(() => files.realPath(`${root}/lost`), { code: 'ENOENT' });
  },

  'replace gives a file its new content, and remove takes it away': async (t, { files, root }) => {
    const path = `${root}/folder/fresh`;
    const bytes = new Uint8Array([9, 1, 2, 3]);
    await files.replace(path, bytes.subarray(1));
    bytes.fill(0);
    t.same([...(files.readSmall(path, 9) as Uint8Array)], [1, 2, 3]);
    await files.replace(path, new Uint8Array(0));
    t.equal(files.readSmall(path, 9).length, 0);
    t.same(files.list(`${root}/folder`).length, 2, 'nothing is left beside it');
    await files.remove(path);
    t.throws(() => files.readSmall(path, 9), { code: 'ENOENT' });
    await t.resolves(files.remove(path), 'what is not there is removed already');
    await t.rejects(files.replace(`${root}/none/fresh`, bytes), { code: 'ENOENT' });
    t.ok((await files.freeBytes(`${root}/folder`)) > 0);
    await t.rejects(files.freeBytes(`${root}/none`), { code: 'ENOENT' });
  },

  'append adds to the end of a regular file, and makes one': (t, { files, root }) => {
    const path = `${root}/folder/log`;
    files.append(path, bytesOf('one\n'));
    files.append(path, bytesOf('two\n'));
    t.equal(files.text(path), 'one\ntwo\n');
    t.throws(() => files.append(`${root}/none/log`, bytesOf('x')), { code: 'ENOENT' });
    t.throws(() => files.append(`${root}/folder`, bytesOf('x')), { code: 'EISDIR' });
    t.throws(() => files.append(`${root}/lost`, bytesOf('x')), { code: 'ELOOP' });
    files.rename(path, `${path}.old`);
    t.throws(() => files.text(path), { code: 'ENOENT' });
    t.equal(files.text(`${path}.old`), 'one\ntwo\n');
    t.throws(() => files.rename(path, `${path}.old`), { code: 'ENOENT' });
    files.discard(`${path}.old`);
    t.throws(() => files.text(`${path}.old`), { code: 'ENOENT' });
    t.doesNotThrow(() => files.discard(`${path}.old`), 'what is not there is removed already');
  },

  'a file has one lock, until it is released': (t, { files, root }) => {
    const path = `${root}/folder/log`;
    const lock = files.lock(path, 0);
    t.throws(() => files.lock(path, 20), { code: 'ERR_BUSY_FLASH' });
    files.lock(`${root}/folder/other`, 0).release();
    lock.release();
    const next = files.lock(path, 0);
    lock.release();
    t.throws(() => files.lock(path, 0), { code: 'ERR_BUSY_FLASH' }, 'released twice, taken by another');
    next.release();
    t.throws(() => files.lock(`${root}/none/log`, 0), { code: 'ENOENT' });
  },

  'the audit log chains its lines, turns its files and is checked': (t, { files, root }) => {
    const host = { files, sha256 };
    const log = new AuditLog(host, `${root}/folder`, { fileBytes: 900, keptFiles: 1 });
    const receipt = { outcome: 'refused', message: 'grün' } as Receipt;
    const from = { via: 'cli', peer: null, user: null };
    const at = '2026-01-02T03:04:05.678Z';
    log.append(from, receipt, at);
    const first = files.text(`${root}/folder/audit.log`);
    t.equal(createHash('sha256').update(first).digest('hex'), RECORDED, 'the bytes that they always were');
    let head = log.append(from, receipt, at);
    for (let count = 0; count < 20; count++) head = log.append(from, receipt, at);
    const report = checkAudit(host, `${root}/folder`, head);
    t.same(report.head, head);
    t.equal(report.torn, 0);
    t.match(report.lines.at(-1), { kind: 'receipt', receipt });
    t.equal(files.list(`${root}/folder`).filter(({ name }) => name.startsWith('audit.')).length, 2);
    files.append(`${root}/folder/audit.log`, bytesOf('{"torn'));
    log.append(from, receipt, at);
    t.match(checkAudit(host, `${root}/folder`).lines.slice(-2), [{ kind: 'mended' }, { kind: 'receipt' }]);
  },

  'the journal keeps its record in a file': async (t, { files, root }) => {
    const path = `${root}/folder/journal`;
    const journal = await FileJournal.open(files, path);
    t.equal(await journal.load(), null);
    await journal.save(new Uint8Array([1, 2]));
    t.same([...((await (await FileJournal.open(files, path)).load()) ?? [])], [1, 2]);
    await journal.clear();
    t.equal(await journal.load(), null);
    t.match(journal.wear, { writes: 2, bytes: 2 });
    await t.rejects(FileJournal.open(files, `${root}/none/journal`), { code: 'ERR_USAGE_STATE' });
  },

  'keys are loaded from folders': async (t, { files, root, put }) => {
    const platform = await nodePlatform();
    put('keys/OpenBMC/publickey', edKey('ed').pem.toString());
    put('keys/OpenBMC/hashfunc', 'HashType=Ed25519-SHA512\n');
    t.equal((await loadKeys(files, `${root}/keys/`, platform)).names, 'OpenBMC');
    await t.rejects(loadKeys(files, `${root}/none`, platform), { code: 'ERR_TRUST_NO_KEYS' });
    await t.rejects(loadKeys(files, `${root}/keys/OpenBMC`, platform), {
      code: 'ERR_TRUST_KEY',
      message: /is the directory of one key; use its parent/,
    });
  },
};

function conformance(name: string, make: (t: Test) => Subject): void {
  void t.test(name, async (t) => {
    for (const [sentence, body] of Object.entries(SENTENCES)) {
      await t.test(sentence, async (t) => body(t, make(t)));
    }
  });
}

conformance('files of this machine', (t) => {
  const root = t.testdir({});
  const put = (path: string, text: string): void => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  put('file', 'grün\n');
  put('folder/inner', 'inner');
  symlinkSync('folder', join(root, 'away'));
  symlinkSync('nowhere', join(root, 'lost'));
  return { files: nodeFiles, root, put };
});

conformance('files in memory', () => {
  const files = new MemoryFiles();
  const put = (path: string, text: string): void => files.put(`/board/${path}`, bytesOf(text));
  put('file', 'grün\n');
  put('folder/inner', 'inner');
  files.put('/board/away', { link: 'folder' });
  files.put('/board/lost', { link: 'nowhere' });
  return { files, root: '/board', put };
});
