/**
 * `npm run test:cross`: the cross-built addons in the Node of their processor, under qemu-user. No MTD is behind it:
 * what it shows is that they load, that offsets have 64 bits, and that errno comes out right. Prints TAP.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fetchNode, NODES } from './node-package.js';
import { Report } from './report.js';
import { missingTools, Skip } from './tools.js';

interface Target {
  /** Which addon. */
  readonly name: string;
  readonly node: { readonly name: string; readonly version: string };
  readonly emulator: string;
  /** Debian's libraries for the cross compiler serve the emulated process too. */
  readonly libraries: string;
  readonly packages: string;
  /** As Node names it. */
  readonly arch: string;
}

const ARM = {
  node: NODES.armv7,
  emulator: 'qemu-arm-static',
  libraries: '/usr/arm-linux-gnueabihf',
  packages: 'libc6-armhf-cross libstdc++6-armhf-cross libatomic1-armhf-cross',
  arch: 'arm',
};

const TARGETS: readonly Target[] = [
  { name: 'armv7', ...ARM },
  // npm has no Node for ARMv6; that for ARMv7 has the same calling convention and loads it.
  { name: 'armv6', ...ARM },
  {
    name: 'arm64',
    node: NODES.arm64,
    emulator: 'qemu-aarch64-static',
    libraries: '/usr/aarch64-linux-gnu',
    packages: 'libc6-arm64-cross libstdc++6-arm64-cross libatomic1-arm64-cross',
    arch: 'arm64',
  },
];

const CACHE = 'rig-work/ast2600';

/** Runs in the emulated Node; the arguments are the addon and a folder. Ends with `fine` or throws. */
const SCRIPT = `
const assert = require('node:assert/strict');
const { join } = require('node:path');
const { writeFileSync } = require('node:fs');
const [addon, folder] = process.argv.slice(1);
const flash = require(addon);
const path = join(folder, 'file');
writeFileSync(path, 'sluice');
const errno = (promise, code, syscall) =>
  assert.rejects(promise, (error) => {
    assert.deepEqual([error.code, error.syscall], [code, syscall]);
    return true;
  });
(async () => {
  await errno(flash.open(join(folder, 'none'), { write: false, exclusive: false }), 'ENOENT', 'open');
  const handle = await flash.open(path, { write: true, exclusive: false });
  assert.deepEqual(await flash.identify(handle), { kind: 'file', major: 0, minor: 0, size: 6 });
  assert.equal(await flash.lock(handle), true);
  const far = 5 * 2 ** 30 + 3;
  const bytes = Uint8Array.from({ length: 70000 }, (_, index) => index * 7);
  await flash.write(handle, far, bytes);
  const back = new Uint8Array(bytes.length);
  await flash.read(handle, far, back);
  assert.deepEqual(Buffer.compare(back, bytes), 0);
  assert.equal(await flash.compare(handle, far, bytes), 0);
  back[69999] &= 0xf0;
  assert.equal(await flash.compare(handle, far, back), bytes[69999] === back[69999] ? 0 : 1);
  await errno(flash.read(handle, far + 69999, new Uint8Array(2)), 'ENODATA', 'pread');
  assert.equal((await flash.identify(handle)).size, far + bytes.length);
  await flash.sync(handle);
  // The kernel would say ENOTTY; qemu-user knows none of these requests and says ENOSYS itself.
  await errno(flash.mtdInfo(handle), 'ENOSYS', 'MEMGETINFO');
  await errno(flash.mtdIsBad(handle, 0), 'ENOSYS', 'MEMGETBADBLOCK');
  await assert.rejects(flash.mtdErase(handle, 0, 4096), { code: 'ENOSYS' });
  await assert.rejects(flash.ubiStartUpdate(handle, 1), { code: 'ENOSYS' });
  await errno(flash.blockInfo(handle), 'ENOTTY', 'BLKGETSIZE64');
  await flash.close(handle);
  await assert.rejects(flash.read(handle, 0, new Uint8Array(1)), { code: 'EBADF' });
  console.log(process.arch, process.version, 'fine');
})();
`;

function smoke({ name, node, emulator, libraries, packages, arch }: Target): void {
  const addon = `native-shims/node-mtd/build/linux-${name}/node-mtd.node`;
  if (!existsSync(addon)) throw new Skip(`${name} is not built: npm run build:native -- --target ${name}`);
  const missing = missingTools({ [emulator]: 'qemu-user-static', npm: 'npm' });
  if (missing !== null) throw new Skip(missing);
  if (!existsSync(`${libraries}/lib/libstdc++.so.6`) || !existsSync(`${libraries}/lib/libatomic.so.1`))
    throw new Skip(`no libraries in ${libraries} (Debian: apt-get install ${packages})`);
  const binary = fetchNode(CACHE, node.name, node.version);
  const folder = mkdtempSync(join(tmpdir(), 'sluice-cross-'));
  try {
    const run = (...args: string[]) =>
      spawnSync(emulator, ['-L', libraries, binary, ...args], {
        encoding: 'utf8',
        timeout: 120_000,
        // Emulated io_uring is none.
        env: { UV_USE_IO_URING: '0', PATH: process.env['PATH'] },
      });
    const { status, signal, stdout, stderr } = run('-e', SCRIPT, join(process.cwd(), addon), folder);
    assert.equal(signal ?? status, 0, stderr);
    assert.equal(stdout, `${arch} v${node.version} fine\n`, stderr);
    const program = run('dist/bin/sluice.js', '--version');
    assert.equal(program.status, 0, program.stderr);
    assert.match(program.stdout, /\d+\.\d+\.\d+/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const report = new Report('');
for (const target of TARGETS) {
  const { name, node } = target;
  await report.test(`the ${name} addon in Node ${node.version} for ${target.arch}, under qemu-user`, () =>
    smoke(target),
  );
}
process.exitCode = report.end();
