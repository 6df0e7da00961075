import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { loadBinding } from 'node-mtd';
import type { Handle, NativeBinding } from 'node-mtd';
import { targets } from '../../native-shims/node-mtd/src/target.js';

const ROOT = fileURLToPath(new URL('../../native-shims/node-mtd', import.meta.url));

/** The path of the addon for this machine, whether or not it is there. */
export function built(): string {
  const { arm_version: armVersion } = process.config.variables as { arm_version?: unknown };
  return `${ROOT}/build/${targets(process.arch, armVersion)[0]}/node-mtd.node`;
}

/** The C compiler that a build would use; null where there is none. */
export function compiler(): string | null {
  const name = process.env['CC'] ?? 'cc';
  try {
    execFileSync(name.split(' ')[0] ?? 'cc', ['--version'], { stdio: 'ignore' });
    return name;
  } catch {
    return null;
  }
}

/** Whether the addon is there and no source is newer. */
function isCurrent(): boolean {
  const made = statSync(built(), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return ['kernel', 'napi'].every((folder) =>
    readdirSync(`${ROOT}/${folder}`).every((name) => statSync(`${ROOT}/${folder}/${name}`).mtimeMs <= made),
  );
}

/** The real addon, built when it is missing or old and can be; else the reason why not, for a skip. */
export function addon(): { binding: NativeBinding; skip: false } | { binding: null; skip: string } {
  if (process.platform !== 'linux') return { binding: null, skip: 'node-mtd is for Linux' };
  if (!isCurrent()) {
    if (compiler() !== null) {
      execFileSync(process.execPath, [`${ROOT}/build.mjs`], { stdio: ['ignore', 'ignore', 'inherit'] });
    } else if (!existsSync(built())) {
      return { binding: null, skip: 'the addon is not built, and there is no C compiler' };
    }
  }
  return { binding: loadBinding(), skip: false };
}

/** Opens for reading and writing, or for reading. */
export async function open(binding: NativeBinding, path: string, write = true): Promise<Handle> {
  return await binding.open(path, { write, exclusive: false });
}
