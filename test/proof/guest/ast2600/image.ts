import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { TOOL_ENV, tool } from './tools.js';
import type { Userland } from './userland.js';

const HERE = 'test/proof/guest/ast2600';

/** Drivers of the board, by the names that init.sh asks for. */
const MODULES = [
  'ofpart',
  'spi-nor',
  'spi-aspeed-smc',
  'jffs2',
  'mdio-aspeed',
  'realtek',
  'ftgmac100',
  'gpio-aspeed',
  'gpio-regulator',
  'sdhci-of-aspeed',
  'mmc_block',
  'squashfs',
  'nandsim',
];

/** What the guest boots from: the same for every run until one of its inputs changes. */
export interface BootImages {
  readonly initramfs: string;
  /** SD card with the root: Debian's programs, Node, the agent. */
  readonly root: string;
}

/** Makes initramfs and root in `cache` when they are missing or older than what they are made of. */
export function makeBootImages(cache: string, userland: Userland, node: string): BootImages {
  const images = { initramfs: join(cache, 'initramfs.cpio.lz4'), root: join(cache, 'root.sd') };
  const scripts = (...names: string[]): string[] => names.map((name) => join(HERE, name));
  if (isOlder(images.initramfs, [userland.kernel, ...scripts('init.sh', 'image.ts')])) {
    makeInitramfs(images.initramfs, join(cache, `initramfs.${process.pid}`), userland);
  }
  if (isOlder(images.root, [userland.kernel, node, ...scripts('agent.sh', 'measure.c', 'image.ts')])) {
    makeRoot(images.root, join(cache, `root.${process.pid}`), userland, node);
  }
  return images;
}

function isOlder(path: string, inputs: readonly string[]): boolean {
  return !existsSync(path) || inputs.some((input) => statSync(input).ctimeMs > statSync(path).mtimeMs);
}

function makeInitramfs(out: string, folder: string, { folder: userland, release }: Userland): void {
  const modules = join('lib/modules', release);
  if (!existsSync(join(userland, modules, 'modules.dep'))) tool('depmod', ['-b', userland, release]);
  install(join(userland, 'bin/busybox'), join(folder, 'bin/busybox'));
  symlinkSync('busybox', join(folder, 'bin/sh'));
  for (const module of MODULES) {
    const needed = tool('modprobe', ['-d', userland, '-S', release, '--show-depends', module]);
    for (const [, path] of needed.matchAll(/^insmod (\S+)/gm)) {
      install(path as string, join(folder, relative(userland, path as string)));
    }
  }
  for (const name of ['modules.builtin', 'modules.builtin.modinfo', 'modules.order']) {
    install(join(userland, modules, name), join(folder, modules, name));
  }
  tool('depmod', ['-b', folder, release]);
  install(join(HERE, 'init.sh'), join(folder, 'init'));
  const pack = 'set -e; cd "$0"; find . | cpio --quiet -o -H newc -R 0:0 | lz4 -lq9c > "$1"';
  const fresh = `${folder}.lz4`;
  execFileSync('bash', ['-o', 'pipefail', '-c', pack, folder, join(process.cwd(), fresh)], { env: TOOL_ENV });
  renameSync(fresh, out);
  rmSync(folder, { recursive: true, force: true });
}

function makeRoot(out: string, folder: string, { folder: userland, release }: Userland, node: string): void {
  for (const name of ['bin', 'sbin', 'usr/bin', 'usr/sbin']) copyTree(userland, folder, name);
  for (const name of ['lib', 'usr/lib']) copyTree(userland, folder, join(name, 'arm-linux-gnueabihf'));
  install(join(userland, 'lib/ld-linux-armhf.so.3'), join(folder, 'lib/ld-linux-armhf.so.3'));
  // mtdpart and modprobe look for modules here; those that the initramfs has loaded stay loaded.
  mkdirSync(join(folder, 'lib/modules', release), { recursive: true });
  symlinkSync('busybox', join(folder, 'bin/sh'));
  install(node, join(folder, 'usr/bin/node'));
  install(join(HERE, 'agent.sh'), join(folder, 'sbin/agent'));
  const compiler = ['-O2', '-static', '-Wall', '-Wextra', '-Werror'];
  tool('arm-linux-gnueabihf-gcc', [
    ...compiler,
    '-o',
    join(folder, 'usr/bin/measure'),
    join(HERE, 'measure.c'),
  ]);
  for (const name of ['proc', 'sys', 'dev', 'tmp', 'run', 'root', 'payload', 'mnt', 'etc']) {
    mkdirSync(join(folder, name), { recursive: true });
  }
  makeCard(out, folder, ['-comp', 'lz4']);
  rmSync(folder, { recursive: true, force: true });
}

/** A folder as a squashfs, filled up to a size that the emulated SD card takes: a power of two. */
export function makeCard(out: string, folder: string, compression: readonly string[]): void {
  const fresh = `${out}.${process.pid}`;
  tool('mksquashfs', [folder, fresh, '-all-root', '-noappend', '-quiet', '-no-progress', ...compression]);
  const { size } = statSync(fresh);
  truncateSync(fresh, Math.max(2 ** 24, 2 ** Math.ceil(Math.log2(size))));
  renameSync(fresh, out);
}

/** An executable copy. */
function install(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  copyFileSync(from, to);
  chmodSync(to, 0o755);
}

function copyTree(from: string, to: string, name: string): void {
  const source = join(from, name);
  if (existsSync(source)) cpSync(source, join(to, name), { recursive: true, verbatimSymlinks: true });
}

/** The payload card: the built program, its addon, keys and bundles, for one run. */
export function makePayload(out: string, folder: string): void {
  writeFileSync(join(folder, 'of-this-run'), '');
  makeCard(out, folder, ['-noD', '-noF', '-noI', '-noX']);
}
