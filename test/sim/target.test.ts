import { fork, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { parseDescription, parseFault } from '../../src/core/sim/index.js';
import {
  createSimChip,
  openSimTarget,
  type CreateOptions,
} from '../../src/host/node/flash/sim-file/target.js';
import { all, bytes, ERASE, PAGE, small } from './chips.js';

const NAND = { layout: small, type: 'nand', eraseSize: ERASE, writeSize: PAGE } as const;

function make(t: Test, options: Partial<CreateOptions> = {}): string {
  const path = join(t.testdir(), 'chip.bin');
  createSimChip(path, { layout: small, eraseSize: ERASE, ...options });
  return path;
}

const describe = (path: string): ReturnType<typeof parseDescription> =>
  parseDescription(readFileSync(`${path}.json`, 'utf8'), path);

t.test('a chip is made as real bytes of 0xFF and a description, and nothing else', async (t) => {
  const path = make(t, { timing: 'n25q256a', scale: 0.5, faults: [parseFault('fail:erase:9')] });
  t.ok(all(readFileSync(path), 0xff));
  t.equal(statSync(path).size, small.size);
  t.same(readdirSync(join(path, '..')).sort(), ['chip.bin', 'chip.bin.json']);
  t.match(describe(path), { name: 'chip.bin', timing: { model: 'n25q256a', scale: 0.5 }, factoryBad: [] });
  const target = await openSimTarget(path);
  t.equal(target.address, `sim:${path}`);
  t.same([...target.partitions.keys()], ['bmc']);
  t.equal(target.chip.timing.name, 'n25q256a');
  await target.close();
});

t.test('the board of the examples is 32 MiB of 64 KiB blocks', async (t) => {
  const path = join(t.testdir(), 'bmc.bin');
  createSimChip(path, { layout: 'openbmc-32' });
  t.equal(statSync(path).size, 32 * 1024 * 1024);
  const target = await openSimTarget(path);
  t.same(target.chip.geometry, { type: 'nor', size: 32 << 20, eraseSize: 65536, writeSize: 1 });
  t.same([...target.partitions.keys()], ['bmc', 'u-boot', 'u-boot-env', 'kernel', 'rofs', 'rwfs']);
  await target.close();
});

t.test('a chip that is there is not replaced without force, and no other kind of file ever', async (t) => {
  const path = make(t);
  writeFileSync(path, 'precious');
  const options = { layout: small, eraseSize: ERASE };
  t.throws(() => createSimChip(path, options), { code: 'ERR_USAGE_EXISTS' });
  t.equal(readFileSync(path, 'latin1'), 'precious');
  writeFileSync(`${path}.journal`, 'of the chip that was there');
  createSimChip(path, { ...options, force: true });
  t.notOk(existsSync(`${path}.journal`));
  t.ok(all(readFileSync(path), 0xff));
  const bundle = join(path, '..', 'update.tar');
  writeFileSync(bundle, 'precious');
  t.throws(() => createSimChip(bundle, { ...options, force: true }), { code: 'ERR_USAGE_EXISTS' });
  t.equal(readFileSync(bundle, 'latin1'), 'precious');
  const folder = join(path, '..', 'folder');
  mkdirSync(folder);
  t.throws(() => createSimChip(folder, { ...options, force: true }), { code: 'ERR_USAGE_EXISTS' });
  const target = await openSimTarget(path);
  t.throws(
    () => createSimChip(path, { ...options, force: true }),
    { code: 'ERR_BUSY_FLASH' },
    'nor one in use',
  );
  await target.close();
});

t.test('options that do not fit leave no file behind', (t) => {
  const path = join(t.testdir(), 'chip.bin');
  const wrong = (options: Partial<CreateOptions>, code: string): void => {
    t.throws(() => createSimChip(path, { layout: small, eraseSize: ERASE, ...options }), { code });
    t.notOk(existsSync(path) || existsSync(`${path}.json`) || existsSync(`${path}.lock`));
  };
  wrong({ layout: 'nonesuch' }, 'ERR_USAGE_LAYOUT');
  wrong({ eraseSize: 3000 }, 'ERR_USAGE_LAYOUT');
  wrong({ timing: 'fast' }, 'ERR_USAGE_OPTION');
  wrong({ scale: -1 }, 'ERR_USAGE_SIM');
  wrong({ scale: Number.NaN }, 'ERR_USAGE_SIM');
  wrong({ factoryBad: [0] }, 'ERR_USAGE_SIM');
  wrong({ type: 'nand', writeSize: 3 }, 'ERR_USAGE_SIM');
  wrong({ type: 'ram' as 'nor' }, 'ERR_USAGE_SIM');
  wrong({ faults: [parseFault('flip:0:1')] }, 'ERR_USAGE_SIM');
  t.throws(() => createSimChip(join(path, 'no', 'x'), { layout: small, eraseSize: ERASE }), {
    code: 'ERR_USAGE_OUTPUT',
  });
  t.end();
});

t.test('what is not a chip cannot be opened, and says why', async (t) => {
  const folder = t.testdir();
  const path = join(folder, 'chip.bin');
  await t.rejects(openSimTarget(path), { code: 'ERR_FLASH_NO_DEVICE', errno: 'ENOENT' });
  writeFileSync(path, bytes(small.size, 0xff));
  await t.rejects(openSimTarget(path), { code: 'ERR_USAGE_SIM', message: /json is missing/ });
  writeFileSync(`${path}.json`, '{}');
  await t.rejects(openSimTarget(path), { code: 'ERR_USAGE_SIM', message: /geometry is missing/ });
  createSimChip(path, { layout: small, eraseSize: ERASE, force: true });
  truncateSync(path, small.size - 1);
  await t.rejects(openSimTarget(path), { code: 'ERR_USAGE_SIM', message: /65535/ });
  await t.rejects(openSimTarget(path, { signal: AbortSignal.abort() }), { code: 'ERR_SESSION_INTERRUPTED' });
  await t.rejects(openSimTarget(folder), { code: /^ERR_USAGE_SIM|^ERR_FLASH_NO_DEVICE/ });
  t.same(readdirSync(folder).sort(), ['chip.bin', 'chip.bin.json'], 'no lock is left behind');
});

t.test('a chip that may not be written is not opened', async (t) => {
  if (process.getuid?.() === 0) {
    // Root may write everything but what nobody may: sysfs files of mode 0444 answer EACCES to O_RDWR.
    const readOnly = '/sys/kernel/uevent_seqnum';
    if (!existsSync(readOnly)) {
      t.comment('skipped: no file here that root may not write');
      return;
    }
    const path = join(t.testdir(), 'chip.bin');
    symlinkSync(readOnly, path);
    await t.rejects(openSimTarget(path), { code: 'ERR_BUSY_PERMISSION' });
    return;
  }
  const path = make(t);
  const { chmodSync } = await import('node:fs');
  chmodSync(path, 0o444);
  await t.rejects(openSimTarget(path), { code: 'ERR_BUSY_PERMISSION' });
});

t.test('bad marks are saved at once, wear and totals at sync and close', async (t) => {
  const path = make(t, { ...NAND, factoryBad: [2] });
  const target = await openSimTarget(path);
  await target.chip.erase(5);
  t.equal(describe(path).wear[5], 0);
  await target.chip.markBad(9);
  t.same(describe(path).grownBad, [9]);
  await target.chip.erase(5);
  await target.chip.sync();
  t.equal(describe(path).wear[5], 2);
  await target.chip.program(0, bytes(PAGE, 0));
  await target.close();
  t.match(describe(path), { totals: { erases: 2, programs: 1, bytesProgrammed: PAGE }, factoryBad: [2] });
  const again = await openSimTarget(path);
  await again.chip.erase(5);
  await again.chip.sync();
  await again.close();
  t.match(describe(path), { totals: { erases: 3, programs: 1 }, grownBad: [9] });
  t.equal(describe(path).wear[5], 3);
});

t.test(
  'a fault that was used up is gone when the chip is opened again, others are still there',
  async (t) => {
    const path = make(t, { faults: ['fail:erase:1', 'cut:torn:program:1', 'weak:7'].map(parseFault) });
    const target = await openSimTarget(path);
    await t.rejects(target.chip.erase(0), { code: 'ERR_FLASH_ERASE' });
    await t.rejects(target.chip.program(0, bytes(ERASE, 0)), { code: 'ERR_FLASH_POWER_CUT' });
    t.same(describe(path).faults, [parseFault('weak:7')], 'a cut is saved at once, as a crash may follow');
    await target.close();
    const again = await openSimTarget(path);
    await again.chip.erase(0);
    await again.chip.program(0, bytes(ERASE, 0));
    await t.rejects(again.chip.erase(7), { code: 'ERR_FLASH_ERASE' });
    await again.close();
  },
);

t.test('the clock follows the description unless it is told otherwise', async (t) => {
  const path = make(t, { timing: 'n25q256a', scale: 0.1 });
  const took = async (realTime?: boolean): Promise<number> => {
    const target = await openSimTarget(path, { realTime });
    const started = performance.now();
    await target.chip.erase(0);
    const ms = performance.now() - started;
    await target.close();
    return ms;
  };
  t.ok((await took()) >= 20);
  t.ok((await took(true)) >= 20);
  t.ok((await took(false)) < 20);
});

t.test('a chip is open once only, in this process or another, and free again after close', async (t) => {
  const path = make(t);
  const target = await openSimTarget(path);
  t.match(readFileSync(`${path}.lock`, 'latin1'), new RegExp(`^${process.pid} [0-9]+ \\S+ \\S+\n$`));
  await t.rejects(openSimTarget(path), {
    code: 'ERR_BUSY_FLASH',
    message: new RegExp(`process ${process.pid}`),
  });
  await target.chip.erase(0);
  await target.close();
  await target.close();
  t.notOk(existsSync(`${path}.lock`));
  const holder = fork('-', { execArgv: ['-e', 'process.on("message", () => {}); process.send("up")'] });
  await once(holder, 'message');
  const stat = readFileSync(`/proc/${holder.pid}/stat`, 'latin1');
  const start = stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  writeFileSync(`${path}.lock`, `${holder.pid} ${start}\n`);
  await t.rejects(openSimTarget(path), { code: 'ERR_BUSY_FLASH' });
  t.ok(existsSync(`${path}.lock`), 'the lock of another stays');
  holder.kill();
  await once(holder, 'exit');
  const after = await openSimTarget(path);
  await after.close();
  t.notOk(existsSync(`${path}.lock`), 'a dead one is taken over');
});

t.test('stale locks are taken over: a number used again, a dead process, an old torn file', async (t) => {
  const path = make(t);
  const { pid } = spawnSync(process.execPath, ['-e', '']);
  const lock = `${path}.lock`;
  for (const stale of [`${process.pid} 1\n`, `${pid} 12345\n`]) {
    writeFileSync(lock, stale);
    await (await openSimTarget(path)).close();
    t.notOk(existsSync(lock), stale);
  }
  writeFileSync(lock, '');
  await t.rejects(openSimTarget(path), { code: 'ERR_BUSY_FLASH' }, 'its owner may be about to write it');
  utimesSync(lock, 1, 1);
  await (await openSimTarget(path)).close();
  t.same(readdirSync(join(path, '..')).sort(), ['chip.bin', 'chip.bin.json']);
});
