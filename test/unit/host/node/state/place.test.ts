/** Where a journal is kept: which place is meant, and the journals in files, reserved flash and UBI volumes. */
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { nodeFiles } from '../../../../../src/host/node/fs/node-files.js';
import t from 'tap';
import { FileJournal } from '../../../../../src/core/update/resume/file-journal.js';
import {
  openJournalled,
  type JournalledTarget,
  type JournalOptions,
} from '../../../../../src/host/node/state/journalled-flash.js';
import { journalName } from '../../../../../src/core/update/resume/journal-name.js';
import { makeFolder } from '../../../../../src/host/node/fs/make-folder.js';
import { sha256 } from '../../../../../src/host/node/crypto/sha256.js';
import { parsePlace, defaultPlace, type StatePlace } from '../../../../../src/host/node/state/place.js';
import type { SluiceError } from '../../../../../src/core/errors.js';
import { createSimChip } from '../../../../../src/host/node/flash/sim-file/target.js';
import { makeBundle } from '../../../../kit/bundle-maker.js';
import { MemoryKernel, type NodeSpec } from '../../../../kit/memory-kernel.js';
import type { VolumeSpec } from '../../../../kit/memory-volume.js';
import { update } from '../../../../kit/update-kit.js';
import { scratch } from '../../../../system/stock-bundle.js';
import { noise } from '../../../../kit/noise.js';

const K = 1024;
const record = noise(1500, 1);
const kernels: MemoryKernel[] = [];
t.teardown(() => kernels.forEach((kernel) => kernel.remove()));

/** A chip of 64 KiB with a kernel, a place for a journal and a rest, on a kernel in memory. */
const chip = { type: 'nor', size: 256 * K, eraseSize: 16 * K, writeSize: 1 } as const;
const nodes: NodeSpec[] = [
  { name: 'bmc', chip },
  { name: 'kernel', chip, offset: 0, size: 64 * K, inside: 0 },
  { name: 'journal', chip, offset: 64 * K, size: 64 * K, inside: 0 },
  { name: 'rofs', chip, offset: 128 * K, size: 128 * K, inside: 0 },
];
const volume: VolumeSpec = { name: 'journal', lebs: 1, lebSize: 15872, minIo: 128 };

function kernelOf(mtd: readonly NodeSpec[], ...volumes: readonly VolumeSpec[]): MemoryKernel {
  const kernel = new MemoryKernel(mtd, volumes);
  kernels.push(kernel);
  return kernel;
}

const place = (text: string): StatePlace => parsePlace(text);
const open = (
  kernel: MemoryKernel,
  address: string,
  where: string,
  options: Partial<JournalOptions> = {},
): Promise<JournalledTarget> => {
  // Handed through to the driver, which takes them from tests only.
  const reach: object = { binding: kernel, roots: kernel.files.roots };
  return openJournalled(address, { ...reach, place: place(where), ...options });
};

void t.test('places are told apart, and what is none is refused', async (t) => {
  t.same(place('none'), { kind: 'none' });
  t.same(place('mtd:journal'), { kind: 'flash', flash: 'mtd', name: 'journal' });
  t.same(place('ubi:journal'), { kind: 'flash', flash: 'ubi', name: 'journal' });
  t.same(place('./none'), { kind: 'folder', path: './none' });
  t.same(place('/var/lib/x'), { kind: 'folder', path: '/var/lib/x' });
  for (const text of ['mtd:', 'ubi:', 'sim:/tmp/chip.bin'])
    t.throws(() => place(text), { code: 'ERR_USAGE_STATE' });
  t.same(defaultPlace('mtd:', { STATE_DIRECTORY: '/run/a:/run/b' }), { kind: 'folder', path: '/run/a' });
  t.same(defaultPlace('mtd:', {}), { kind: 'folder', path: '/var/lib/sluice' });
  t.same(defaultPlace('mtd:', { STATE_DIRECTORY: '' }), { kind: 'folder', path: '/var/lib/sluice' });
  t.same(defaultPlace('sim:chip.bin', { STATE_DIRECTORY: '/run/a' }), { kind: 'beside' });
});

void t.test('the file of a journal is safe to have in a folder, and no two flashes share one', async (t) => {
  const addresses = [
    'mtd:',
    'mtd:kernel',
    'sim:/a/b',
    'sim:/a_b',
    'sim:/a/../b',
    'block:x=/dev/\nmmc',
    `sim:/${'x'.repeat(5000)}`,
  ];
  const names = addresses.map((address) => journalName(address, sha256));
  t.equal(new Set(names).size, addresses.length);
  for (const name of names) t.match(name, /^journal-[A-Za-z0-9._-]{1,60}$/);
  // As sluice has named them since there are journals: one of them may be waiting on a board.
  t.equal(journalName('mtd:', sha256), 'journal-mtd_-4a022193e40d1afd');
  t.equal(journalName('sim:/tmp/grün', sha256), 'journal-sim_tmp_gr_n-bd14b9e8f6443bb5');
});

void t.test('a journal in a file: saved, replaced, loaded by the next one, cleared', async (t) => {
  const folder = scratch(t);
  const path = join(folder, 'journal');
  const journal = await FileJournal.open(nodeFiles, path);
  t.equal(await journal.load(), null);
  await journal.save(record);
  await journal.save(record.subarray(0, 700));
  t.same(readdirSync(folder), ['journal'], 'nothing is left beside it');
  t.equal(statSync(path).mode & 0o777, 0o600);
  const next = await FileJournal.open(nodeFiles, path);
  t.same(await next.load(), record.subarray(0, 700));
  t.same({ ...journal.wear }, { writes: 2, bytes: 2200 });
  await next.clear();
  t.same(readdirSync(folder), []);
  t.equal(await next.load(), null);
  await next.clear();
});

void t.test("what a cut has left of a new record is no record, and in nobody's way", async (t) => {
  const folder = scratch(t);
  const path = join(folder, 'journal');
  const journal = await FileJournal.open(nodeFiles, path);
  await journal.save(record);
  writeFileSync(`${path}.new`, 'half a rec');
  t.same(await journal.load(), record);
  await journal.save(record.subarray(1));
  t.same(await journal.load(), record.subarray(1));
});

void t.test('a journal that is too long, no file or a link is not taken for one', async (t) => {
  const folder = scratch(t);
  const long = await FileJournal.open(nodeFiles, join(folder, 'long'));
  writeFileSync(join(folder, 'long'), new Uint8Array(10_000));
  t.ok(((await long.load())?.length ?? 0) > 4096, 'handed on, and longer than any record');
  await t.rejects(long.save(new Uint8Array(4097)), { code: 'ERR_SESSION_JOURNAL' });
  symlinkSync('/etc/hostname', join(folder, 'link'));
  await t.rejects((await FileJournal.open(nodeFiles, join(folder, 'link'))).load(), {
    code: 'ERR_SESSION_JOURNAL',
  });
  mkdirSync(join(folder, 'folder'));
  const other = await FileJournal.open(nodeFiles, join(folder, 'folder'));
  await t.rejects(other.load(), { code: 'ERR_SESSION_JOURNAL' });
  await t.rejects(other.save(record), { code: 'ERR_SESSION_JOURNAL' });
  t.notOk(existsSync(join(folder, 'folder.new')), 'no half-made file is left');
  await t.rejects(FileJournal.open(nodeFiles, join(folder, 'missing', 'journal')), {
    code: 'ERR_USAGE_STATE',
  });
});

void t.test('folders are made for this user alone; one that cannot be made is refused at once', async (t) => {
  const folder = join(scratch(t), 'a', 'b');
  makeFolder(folder);
  makeFolder(folder);
  t.equal(statSync(folder).mode & 0o777, 0o700);
  writeFileSync(join(folder, 'file'), '');
  for (const mode of [0o777, 0o1777, 0o775, 0o722]) {
    chmodSync(folder, mode);
    t.throws(() => makeFolder(folder), { code: 'ERR_USAGE_STATE', message: /other users can write/ });
  }
  chmodSync(folder, 0o755);
  makeFolder(folder);
  t.throws(() => makeFolder(join(folder, 'file')), { code: 'ERR_USAGE_STATE' });
  t.throws(() => makeFolder(join(folder, 'file', 'x')), { code: 'ERR_USAGE_STATE' });
  t.throws(() => makeFolder('/proc/sluice/x'), { code: 'ERR_USAGE_STATE' });
});

void t.test(
  'mtd: a reserved partition of the chip that is written is opened under the same lock',
  async (t) => {
    const kernel = kernelOf(nodes);
    for (const [index, address] of ['mtd:kernel', 'mtd:', 'mtd:kernel'].entries()) {
      const target = await open(kernel, address, 'mtd:journal');
      t.same(await target.journal?.load(), index === 0 ? null : record);
      await target.journal?.save(record);
      t.same(await target.journal?.load(), record);
      await target.close();
    }
    const again = await open(kernel, 'mtd:rofs', 'mtd:journal');
    t.same(await again.journal?.load(), record, 'whatever else of the chip is written');
    t.notOk(again.partitions.has('journal'));
    await t.rejects(
      open(kernel, 'mtd:kernel', 'mtd:journal'),
      { code: 'ERR_BUSY_FLASH' },
      'while it is in use',
    );
    await again.close();
  },
);

void t.test('mtd: nothing is written over the reserved partition, nor over what covers it', async (t) => {
  const kernel = kernelOf(nodes);
  for (const [images, only] of [
    [{ journal: noise(100, 1) }, ['journal']],
    [{ bmc: noise(256 * K, 1) }, ['bmc']],
  ] as const) {
    const target = await open(kernel, 'mtd:', 'mtd:journal');
    const bytes = makeBundle({ images, kind: 'proven' }).bytes;
    const { receipt } = await update(target, bytes, { only: [...only], forceMounted: [...only] });
    t.match(receipt, { code: 'ERR_USAGE_STATE', flash: 'untouched' });
    await target.close();
  }
  const target = await open(kernel, 'mtd:', 'mtd:journal');
  const { receipt } = await update(
    target,
    makeBundle({ images: { kernel: noise(100, 1) }, kind: 'proven' }).bytes,
  );
  t.match(receipt, { outcome: 'committed' });
  await target.close();
});

void t.test('mtd: one chip has one journal in a folder, whichever of its partitions is named', async (t) => {
  const kernel = kernelOf(nodes);
  const folder = scratch(t);
  for (const address of ['mtd:kernel', 'mtd:', 'mtd:rofs']) {
    const target = await open(kernel, address, folder);
    await target.journal?.save(record);
    await target.close();
  }
  t.equal(readdirSync(folder).length, 1);
});

void t.test('mtd: a place that is not there, is in use or holds something else is refused', async (t) => {
  const kernel = kernelOf(nodes);
  await t.rejects(open(kernel, 'mtd:kernel', 'mtd:nothing'), {
    code: 'ERR_USAGE_STATE',
    message: /no partition nothing/,
  });
  const filled = kernelOf([{ name: 'bmc', chip: { ...chip, content: noise(256 * K, 1) } }]);
  await t.rejects(open(filled, 'mtd:', 'mtd:bmc'), { code: 'ERR_USAGE_STATE', message: /no journal/ });
  await t.rejects(open(kernel, 'mtd:kernel', 'ubi:journal'), { code: 'ERR_USAGE_STATE' });
  t.same(
    kernel.calls.filter((call) => /Erase|write/.test(call)),
    [],
  );
  const after = await open(kernel, 'mtd:kernel', 'none');
  t.equal(after.journal, null, 'and the chip is let go');
  await after.close();
});

void t.test('ubi: one LEB, replaced at once, that the next session finds', async (t) => {
  const kernel = kernelOf(nodes, volume, { ...volume, name: 'rofs', lebs: 4 });
  for (const address of ['mtd:kernel', 'ubi:rofs', 'ubi:']) {
    const target = await open(kernel, address, 'ubi:journal');
    const { journal } = target;
    t.same(await journal?.load(), address === 'mtd:kernel' ? null : record);
    kernel.calls.length = 0;
    await journal?.save(record);
    t.equal(kernel.calls.filter((call) => /^ubi.*Change/.test(call)).length, 1, kernel.calls.join());
    t.same(await journal?.load(), record);
    await target.close();
  }
  const last = await open(kernel, 'ubi:rofs', 'ubi:journal');
  await last.journal?.clear();
  t.equal(await last.journal?.load(), null);
  await last.close();
});

void t.test(
  'ubi: the reserved volume is not written, and one that holds something else is refused',
  async (t) => {
    const kernel = kernelOf([], volume, { ...volume, name: 'rofs', lebs: 4 });
    const target = await open(kernel, 'ubi:', 'ubi:journal');
    const { receipt } = await update(
      target,
      makeBundle({ images: { journal: noise(100, 1) }, kind: 'proven' }).bytes,
    );
    t.match(receipt, { code: 'ERR_USAGE_STATE', flash: 'untouched' });
    const good = await update(target, makeBundle({ images: { rofs: noise(100, 1) }, kind: 'proven' }).bytes);
    t.match(good.receipt, { outcome: 'committed' });
    await target.close();
    await t.rejects(open(kernel, 'ubi:journal', 'ubi:rofs'), {
      code: 'ERR_USAGE_STATE',
      message: /no journal/,
    });
    const fixed = kernelOf([], volume, { ...volume, name: 'rofs', type: 'static' });
    await t.rejects(open(fixed, 'ubi:journal', 'ubi:rofs'), { code: 'ERR_USAGE_STATE', message: /static/ });
  },
);

void t.test('where it may be done without, a place that cannot be used is told once', async (t) => {
  const folder = scratch(t);
  const path = join(folder, 'chip.bin');
  createSimChip(path, { layout: 'quanta-q71l' });
  writeFileSync(join(folder, 'file'), '');
  const told: SluiceError[] = [];
  const options = { place: place(join(folder, 'file')) };
  await t.rejects(openJournalled(`sim:${path}`, options), { code: 'ERR_USAGE_STATE' });
  const target = await openJournalled(`sim:${path}`, { ...options, without: (error) => told.push(error) });
  t.equal(target.journal, null);
  t.match(told, [{ code: 'ERR_USAGE_STATE' }]);
  await target.close();
  const beside = await openJournalled(`sim:${path}`, { place: { kind: 'beside' } });
  await beside.journal?.save(record);
  t.same(new Uint8Array(readFileSync(`${path}.journal`)), record);
  await beside.close();
});

void t.test(
  'a folder that may not be written is found out before anything is',
  { skip: process.geteuid?.() === 0 },
  async (t) => {
    const folder = scratch(t);
    chmodSync(folder, 0o500);
    await t.rejects(FileJournal.open(nodeFiles, join(folder, 'journal')), { code: 'ERR_USAGE_STATE' });
  },
);
