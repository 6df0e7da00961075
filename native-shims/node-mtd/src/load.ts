import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import type { NativeBinding } from './binding.js';
import { NodeMtdError } from './errors.js';
import { targets } from './target.js';

/** The functions that the addon must have. An older build has fewer. */
const FUNCTIONS = [
  'open',
  'close',
  'identify',
  'lock',
  'read',
  'write',
  'compare',
  'sync',
  'settle',
  'mtdInfo',
  'mtdErase',
  'mtdIsBad',
  'mtdMarkBad',
  'mtdLock',
  'mtdUnlock',
  'mtdIsLocked',
  'mtdEccStats',
  'ubiStartUpdate',
  'ubiAppend',
  'ubiChangeLeb',
  'ubiEraseLeb',
  'ubiUnmapLeb',
  'ubiIsMapped',
  'ubiDirectWrite',
  'blockInfo',
  'blockDiscard',
  'blockZero',
] as const satisfies readonly (keyof NativeBinding)[];

/** Relative to the bundles in dist/bin and dist/lib, and to this file: where `npm run build:native` puts the addons. */
const FOLDERS = ['../native', '../build'];

let loaded: NativeBinding | undefined;

/**
 * The addon. Loaded once.
 * @throws NodeMtdError ERR_NO_ADDON, with the paths that were tried and how to build it
 */
export function loadBinding(): NativeBinding {
  return (loaded ??= load());
}

function load(): NativeBinding {
  if (process.platform !== 'linux') {
    throw new NodeMtdError('ERR_NO_ADDON', `node-mtd needs Linux; this is ${process.platform}`);
  }
  const names = targets(process.arch, (process.config.variables as { arm_version?: unknown }).arm_version);
  const require = createRequire(import.meta.url);
  const tried: string[] = [];
  const causes: unknown[] = [];
  for (const name of names) {
    for (const folder of FOLDERS) {
      const path = fileURLToPath(new URL(`${folder}/${name}/node-mtd.node`, import.meta.url));
      if (!existsSync(path)) {
        tried.push(`${path}: does not exist`);
        continue;
      }
      try {
        return checked(require(path));
      } catch (error) {
        causes.push(error);
        tried.push(`${path}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
  }
  throw new NodeMtdError(
    'ERR_NO_ADDON',
    `the node-mtd addon cannot be loaded: build it with \`npm run build:native\` ` +
      `(for another machine: \`-- --target ${names[0]?.replace('linux-', '')}\`). Tried: ${tried.join('; ')}`,
    { cause: causes[0] },
  );
}

function checked(addon: unknown): NativeBinding {
  const functions = addon as Partial<Record<string, unknown>>;
  const missing = FUNCTIONS.filter((name) => typeof functions[name] !== 'function');
  if (missing.length > 0) throw new Error(`built from older sources, without ${missing.join(', ')}`);
  return addon as NativeBinding;
}
