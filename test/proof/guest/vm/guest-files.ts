import { createHash } from 'node:crypto';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { cpio, type CpioEntry } from './cpio.js';
import { bootableKernel } from './kernel.js';
import { Missing } from './missing.js';
import { Modules } from './modules.js';
import { kernelPackage, unpacked } from './packages.js';
import { findProgram, hostRun } from './run-host.js';
import initScript from './init.sh';

/** What QEMU boots. */
export interface GuestFiles {
  readonly qemu: string;
  readonly kernel: string;
  readonly initramfs: string;
  /** Squashfs with node, mtd-utils, busybox and the modules. */
  readonly root: string;
  /** Version of the kernel, for reports. */
  readonly release: string;
  /** mksquashfs with what it needs to run. */
  readonly squash: (folder: string, image: string) => void;
}

/** Loaded by init: disks, the host's folder, the network. */
const AT_BOOT = ['virtio_pci', 'virtio_blk', 'virtio_net', 'squashfs', 'overlay', '9pnet_virtio', '9p'];
/** Loaded by the tests, with their parameters. ubifs asks the kernel for its compressors by name. */
const FOR_TESTS = ['mtdram', 'nandsim', 'mtdblock', 'ubi', 'ubifs', 'zstd', 'jffs2'];
const TOOLS = [
  'flashcp flash_erase flash_lock nandwrite nanddump mtdinfo mtdpart',
  'ubiattach ubidetach ubiformat ubimkvol ubiupdatevol ubiblock ubinfo',
]
  .join(' ')
  .split(' ');
/** Folders that init mounts on. */
const MOUNTS = ['proc', 'sys', 'dev', 'tmp', 'run', 'host', 'opt/sluice', 'etc', 'mnt', 'root'];

/**
 * Makes what QEMU boots from Debian's packages and this machine's node; kept in `cache` for the next time.
 * `more` is a folder whose content is laid over the root, under a name that says which.
 * @throws Missing
 */
export function guestFiles(
  cache: string,
  more?: { readonly name: string; readonly folder: string },
): GuestFiles {
  if (process.arch !== 'x64')
    throw new Missing(`the guest takes this machine's node, which is for ${process.arch}`);
  const qemu = findProgram('qemu-system-x86_64');
  if (qemu === null) throw new Missing('qemu-system-x86_64 is not installed (package qemu-system-x86)');
  const linux = kernelPackage();
  const kernelRoot = unpacked(cache, linux, [linux]);
  const tools = unpacked(cache, 'tools', ['busybox-static', 'mtd-utils', 'squashfs-tools', 'liblzo2-2']);
  const squash = (folder: string, image: string): void => {
    // Debian 12 has liblzo2 in /lib, later ones in /usr/lib.
    const libraries = ['lib', 'usr/lib'].map((folder) => join(tools, folder, 'x86_64-linux-gnu')).join(':');
    const flags = ['-comp', 'lz4', '-noappend', '-quiet', '-no-progress', '-all-root'];
    const env = { ...process.env, LD_LIBRARY_PATH: libraries };
    hostRun(join(tools, 'usr/bin/mksquashfs'), [folder, image, ...flags], { env });
  };
  const modules = new Modules(kernelRoot);

  // One name for each combination, so that nothing old is booted.
  const key = createHash('sha256')
    .update(
      JSON.stringify([linux, process.version, initScript, AT_BOOT, FOR_TESTS, TOOLS, MOUNTS, more?.name]),
    )
    .digest('hex')
    .slice(0, 12);
  const made = join(cache, `guest-${key}`);
  if (!existsSync(made)) {
    const work = mkdtempSync(join(cache, 'making.'));
    try {
      writeFileSync(join(work, 'initramfs'), initramfs(modules, tools));
      makeRoot(join(work, 'root'), modules, tools, more?.folder);
      squash(join(work, 'root'), join(work, 'root.squashfs'));
      rmSync(join(work, 'root'), { recursive: true });
      if (!existsSync(made)) renameSync(work, made);
    } finally {
      rmSync(work, { recursive: true, force: true });
    }
  }
  return {
    qemu,
    kernel: bootableKernel(kernelRoot),
    initramfs: join(made, 'initramfs'),
    root: join(made, 'root.squashfs'),
    release: modules.release,
    squash,
  };
}

function initramfs(modules: Modules, tools: string): Buffer {
  const entries: CpioEntry[] = ['bin', 'proc', 'sys', 'dev', 'below', 'above', 'root', 'modules.d'].map(
    (name) => ({ name, folder: true }),
  );
  const names = modules.closure(AT_BOOT);
  for (const name of names) entries.push({ name: `modules.d/${name}.ko`, file: modules.file(name) });
  const list = names.map((name) => `modules.d/${name}.ko\n`).join('');
  entries.push({ name: 'modules', file: Buffer.from(list) });
  entries.push({ name: 'bin/busybox', file: readFileSync(join(tools, 'bin/busybox')), executable: true });
  entries.push({ name: 'init', file: Buffer.from(initScript), executable: true });
  return cpio(entries);
}

function makeRoot(root: string, modules: Modules, tools: string, more: string | undefined): void {
  for (const folder of ['usr/bin', 'usr/sbin', 'usr/lib', 'usr/lib64', ...MOUNTS]) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  for (const folder of ['bin', 'sbin', 'lib', 'lib64']) symlinkSync(`usr/${folder}`, join(root, folder));
  if (more !== undefined) layOver(root, more);

  const put = (from: string, to: string): void => {
    mkdirSync(dirname(join(root, to)), { recursive: true });
    rmSync(join(root, to), { force: true });
    copyFileSync(from, join(root, to));
    chmodSync(join(root, to), 0o755);
  };
  const programs = new Map([[process.execPath, 'usr/bin/node']]);
  for (const tool of TOOLS) programs.set(join(tools, 'usr/sbin', tool), `usr/sbin/${tool}`);
  for (const [from, to] of programs) {
    put(from, to);
    for (const library of librariesOf(from))
      put(realpathSync(library), library.replace(/^\/lib/, '/usr/lib'));
  }
  put(join(tools, 'bin/busybox'), 'bin/busybox');
  rmSync(join(root, 'bin/sh'), { force: true });
  symlinkSync('busybox', join(root, 'bin/sh'));
  writeFileSync(join(root, 'etc/passwd'), 'root:x:0:0::/tmp:/bin/sh\n');
  writeFileSync(join(root, 'etc/group'), 'root:x:0:\n');

  const names = modules.closure(FOR_TESTS);
  for (const name of names) put(modules.fullPath(name), modules.path(name));
  const folder = join(root, 'lib/modules', modules.release);
  writeFileSync(join(folder, 'modules.dep'), modules.dependencies(FOR_TESTS));
}

/** Debian's packages still have files in /bin and /lib, which are links into /usr here. */
function layOver(root: string, more: string): void {
  for (const name of readdirSync(more)) {
    const linked = ['bin', 'sbin', 'lib', 'lib64'].includes(name);
    const to = join(root, linked ? `usr/${name}` : name);
    mkdirSync(to, { recursive: true });
    hostRun('cp', ['-a', '--remove-destination', `${join(more, name)}/.`, to]);
  }
}

/** Shared libraries of a program, as the loader of this machine finds them. */
function librariesOf(program: string): string[] {
  const text = hostRun('ldd', [program]).toString();
  return [...text.matchAll(/(\/\S+) \(0x/g)].map((match) => match[1] as string);
}
