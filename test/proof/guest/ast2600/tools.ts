import { execFileSync } from 'node:child_process';

/** Debian's package for each program that the guest is made and run with. */
const GUEST_TOOLS: Readonly<Record<string, string>> = {
  'qemu-system-arm': 'qemu-system-arm',
  mmdebstrap: 'mmdebstrap',
  mksquashfs: 'squashfs-tools',
  cpio: 'cpio',
  lz4: 'lz4',
  depmod: 'kmod',
  modprobe: 'kmod',
  'arm-linux-gnueabihf-gcc': 'gcc-arm-linux-gnueabihf',
  npm: 'npm',
};

/** Those of `tools` that are not installed, for the message of a skip; null when all are there. */
export function missingTools(tools: Readonly<Record<string, string>> = GUEST_TOOLS): string | null {
  const missing = Object.entries(tools).filter(([program]) => !isInstalled(program));
  if (missing.length === 0) return null;
  const packages = [...new Set(missing.map(([, name]) => name))].join(' ');
  return `${missing.map(([program]) => program).join(', ')} not found (Debian: apt-get install ${packages})`;
}

/** Programs of the administrator are not on everybody's PATH. */
export const TOOL_ENV = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };

function isInstalled(program: string): boolean {
  try {
    execFileSync('sh', ['-c', 'command -v "$0"', program], { env: TOOL_ENV, stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Runs a program to its end; what it printed is told only when it failed. */
export function tool(program: string, args: readonly string[], options: { cwd?: string } = {}): string {
  return execFileSync(program, args, {
    ...options,
    env: TOOL_ENV,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    maxBuffer: 64 * 2 ** 20,
  });
}

/** A skip: this machine lacks something, and the code under test is not to blame. */
export class Skip extends Error {}
