import { mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, existsSync } from 'node:fs';
import { join } from 'node:path';
import { Missing } from './missing.js';
import { findProgram, hostRun } from './run-host.js';

/**
 * Unpacks Debian packages into a folder of the cache, without installing them and without being root: busybox-static
 * conflicts with busybox, and a kernel has no business on the host. What is there already is taken as it is.
 * @throws Missing without apt, package lists or a network
 */
export function unpacked(cache: string, name: string, packages: readonly string[]): string {
  const folder = join(cache, name);
  if (existsSync(folder)) return folder;
  if (findProgram('apt-get') === null || findProgram('dpkg') === null) {
    throw new Missing('this is not Debian: no apt-get or no dpkg to get a kernel with');
  }
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, `${name}.`));
  try {
    try {
      hostRun('apt-get', ['-qq', 'download', ...packages], { cwd: work });
    } catch (error) {
      throw new Missing(`apt-get cannot download ${packages.join(', ')}: ${(error as Error).message}`);
    }
    const root = join(work, 'root');
    for (const file of readdirSync(work)) {
      if (file.endsWith('.deb')) hostRun('dpkg', ['-x', join(work, file), root]);
    }
    // Whole or not at all: a run that was cut short leaves no half of it behind. Another run may have been first.
    if (!existsSync(folder)) renameSync(root, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return folder;
}

/** The package that linux-image-amd64 stands for now. */
export function kernelPackage(): string {
  const text =
    findProgram('apt-cache') === null ? '' : hostRun('apt-cache', ['depends', 'linux-image-amd64']);
  const found = /Depends: (linux-image-\S+-amd64)/.exec(text.toString());
  if (found === null) throw new Missing('apt knows no package linux-image-amd64 (say apt-get update)');
  return found[1] as string;
}
