/** A made-up /proc and /sys, so that tests say who uses what. */
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { SystemRoots } from '../../src/host/node/flash/in-use.js';

/** Paths with their content; `{ link }` is a symbolic link. */
export type Files = Readonly<Record<string, string | { readonly link: string }>>;

/** A mountinfo line. */
export const mount = (device: string, point: string, type: string, source: string): string =>
  `40 27 ${device} / ${point} rw,relatime shared:7 master:2 - ${type} ${source} rw,errors=continue\n`;

const QUIET: Files = {
  'proc/self': { link: '77' },
  'proc/77/mountinfo': mount('254:0', '/', 'ext4', '/dev/vda'),
  'proc/swaps': 'Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n',
  'sys/class/block/.keep': '',
};

/** Makes a system of its own in `dir`: one in which nothing is used, and what `files` adds to it or puts in its place. */
export function fakeSystem(dir: string, files: Files): SystemRoots {
  for (const [path, content] of Object.entries({ ...QUIET, ...files })) {
    const full = join(dir, path);
    mkdirSync(dirname(full), { recursive: true });
    if (typeof content === 'string') writeFileSync(full, content);
    else symlinkSync(content.link, full);
  }
  mkdirSync(join(dir, 'dev'), { recursive: true });
  return { proc: join(dir, 'proc'), sys: join(dir, 'sys'), dev: join(dir, 'dev') };
}

/** A process that has something open; `flags` as in fdinfo. */
export const process = (pid: number, program: string, path: string, flags = '0100002'): Files => ({
  [`proc/${pid}/comm`]: `${program}\n`,
  [`proc/${pid}/fd/3`]: { link: path },
  [`proc/${pid}/fd/0`]: { link: 'pipe:[123]' },
  [`proc/${pid}/fdinfo/3`]: `pos:\t0\nflags:\t${flags}\nmnt_id:\t24\n`,
});
