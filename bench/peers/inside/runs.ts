/** Runs and their measure, in the guest. */
import { existsSync, mkdirSync, readFileSync, rmdirSync, rmSync } from 'node:fs';
import { run, tool } from '../../../test/proof/guest/inside/run.js';
import { startTrace, stopTrace } from '../../../test/proof/guest/inside/trace.js';
import type { Measured, Wear } from '../shape.js';

const GROUPS = '/sys/fs/cgroup';

export function mountGroups(): void {
  if (!existsSync(`${GROUPS}/cgroup.procs`)) tool('mount', '-t', 'cgroup2', 'none', GROUPS);
}

export type Words = readonly [program: string, ...args: string[]];

/** Runs a command that must succeed, and gives what it took. */
export function measured(words: Words): Measured {
  const group = `${GROUPS}/measured`;
  mkdirSync(group);
  try {
    const ran = run('/opt/sluice/test/measure', ['/tmp/measured', group, ...words], { limit: 600 });
    if (ran.code !== 0) {
      throw new Error(
        `${words.join(' ')} ended with ${ran.code}: ${ran.stdout.toString().slice(-1500)}${ran.stderr}`,
      );
    }
    return JSON.parse(readFileSync('/tmp/measured', 'utf8')) as Measured;
  } finally {
    rmSync('/tmp/measured', { force: true });
    rmdirSync(group);
  }
}

/** What a command erases and programs. UBI and file systems are not about. */
export function wearOf(words: Words): Wear {
  startTrace();
  const ran = run(words[0], words.slice(1), { limit: 600 });
  const operations = stopTrace();
  if (ran.code !== 0) throw new Error(`${words.join(' ')} ended with ${ran.code}: ${ran.stderr}`);
  const sum = (wanted: string): number =>
    operations.reduce((bytes, { kind, length }) => bytes + (kind === wanted ? length : 0), 0);
  return { erased: sum('erase'), programmed: sum('program') };
}
