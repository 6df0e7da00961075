import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Skip, tool } from './tools.js';

/** The kernel as Debian builds it, what Node is linked with, and the tools that the guest is checked with. */
const PACKAGES = ['linux-image-armmp', 'busybox-static', 'mtd-utils', 'libstdc++6', 'libatomic1'];

const MIRROR = 'deb http://deb.debian.org/debian bookworm main';

/** Debian for armhf, unpacked and never run here. */
export interface Userland {
  readonly folder: string;
  /** Version of the kernel, such as 6.1.0-50-armmp. */
  readonly release: string;
  readonly kernel: string;
  /** The board's device tree, as the kernel's package has it. */
  readonly deviceTree: string;
}

/**
 * Unpacks Debian's packages into `cache` once. Nothing of them is executed, so neither a foreign architecture of
 * dpkg nor qemu-user is needed.
 * @throws Skip when the packages are out of reach
 */
export function makeUserland(cache: string): Userland {
  const folder = join(cache, 'userland');
  if (!existsSync(folder)) {
    const fresh = `${folder}.${process.pid}`;
    mkdirSync(cache, { recursive: true });
    try {
      const include = `--include=${PACKAGES.join(',')}`;
      tool('mmdebstrap', ['--variant=extract', '--architectures=armhf', include, 'bookworm', fresh, MIRROR]);
    } catch (thrown) {
      rmSync(fresh, { recursive: true, force: true });
      const said = (thrown as { stderr?: string }).stderr?.trim().split('\n').slice(-2).join('; ');
      throw new Skip(`Debian's armhf packages could not be had: ${said ?? String(thrown)}`);
    }
    renameSync(fresh, folder);
  }
  const release = readdirSync(join(folder, 'lib/modules'))[0];
  if (release === undefined) throw new Error(`${folder} has no kernel modules`);
  return {
    folder,
    release,
    kernel: join(folder, 'boot', `vmlinuz-${release}`),
    deviceTree: join(folder, 'usr/lib', `linux-image-${release}`, 'aspeed-ast2600-evb.dtb'),
  };
}
