import { spawnSync } from 'node:child_process';
import { delimiter, join } from 'node:path';
import { existsSync } from 'node:fs';

/** Runs a program to its end and gives its output; what it said is in the error when it fails. */
export function hostRun(
  program: string,
  args: readonly string[],
  options: { readonly cwd?: string; readonly input?: Uint8Array; readonly env?: NodeJS.ProcessEnv } = {},
): Buffer {
  const run = spawnSync(program, args, { ...options, maxBuffer: 2 ** 30 });
  if (run.error !== undefined) throw run.error;
  if (run.status === 0) return run.stdout;
  const said = run.stderr.toString('utf8').trim().split('\n').slice(-4).join('\n');
  throw new Error(`${program} ${args[0] ?? ''} ended with ${run.status ?? run.signal}: ${said}`);
}

/** Where a program is, sbin folders included, or null. */
export function findProgram(name: string): string | null {
  const folders = [...(process.env['PATH'] ?? '').split(delimiter), '/usr/local/sbin', '/usr/sbin', '/sbin'];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path)) ?? null;
}
