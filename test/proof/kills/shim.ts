/** Builds shim.c, which kills a program at a call of its choosing, lets calls fail, and moves the clock. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { resolve } from 'node:path';

const SOURCE = resolve('test/proof/kills/shim.c');
const CACHE = resolve('node_modules/.cache/kills');
const FLAGS = '-shared -fPIC -O2 -std=gnu17 -Wall -Wextra -Werror -fvisibility=hidden'.split(' ');

/** The library; or why it cannot be had here, for a skip. */
export function shimLibrary(): { readonly path: string } | { readonly missing: string } {
  const hash = createHash('sha256').update(FLAGS.join(' ')).update(readFileSync(SOURCE));
  const path = `${CACHE}/shim-${process.arch}-${hash.digest('hex').slice(0, 16)}.so`;
  if (existsSync(path)) return { path };
  mkdirSync(CACHE, { recursive: true });
  const fresh = `${path}.${process.pid}`;
  try {
    execFileSync('gcc', [...FLAGS, '-o', fresh, SOURCE, '-ldl'], { stdio: 'pipe' });
  } catch (thrown) {
    const { code, stderr } = thrown as { code?: unknown; stderr?: Buffer };
    if (code === 'ENOENT') return { missing: 'no gcc to build the shim with' };
    throw new Error(`the shim does not build: ${stderr?.toString() ?? String(thrown)}`, { cause: thrown });
  }
  renameSync(fresh, path);
  return { path };
}

/** What the shim is to do; see shim.c. */
export interface ShimOptions {
  /** Folders in which calls count. */
  readonly roots?: readonly string[];
  readonly kill?: number;
  readonly torn?: boolean;
  /** The first call that fails, its errno, and how many do; 0 for all from then on. */
  readonly fail?: { readonly first: number; readonly errno: number; readonly count: number };
  readonly only?: readonly string[];
  readonly log?: string;
  /** Seconds; seconds more each so many milliseconds. */
  readonly clock?: { readonly base: number; readonly step?: number; readonly every?: number };
}

export const ERRNO = { EIO: 5, ENOSPC: 28, EROFS: 30 } as const;

/** Environment that preloads the library. */
export function shimEnv(library: string, options: ShimOptions): Record<string, string> {
  const { roots = [], kill, torn = false, fail, only, log, clock } = options;
  return {
    LD_PRELOAD: library,
    SHIM_ROOT: roots.join(':'),
    ...(kill === undefined ? {} : { SHIM_KILL: String(kill) }),
    ...(torn ? { SHIM_TORN: '1' } : {}),
    ...(fail === undefined ? {} : { SHIM_FAIL: `${fail.first}:${fail.errno}:${fail.count}` }),
    ...(only === undefined ? {} : { SHIM_ONLY: only.join(',') }),
    ...(log === undefined ? {} : { SHIM_LOG: log }),
    ...(clock === undefined ? {} : { SHIM_CLOCK: `${clock.base}:${clock.step ?? 0}:${clock.every ?? 0}` }),
  };
}
