/** Starts launched.ts with the flags of the program's launcher, and asks it. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Job } from './launched.js';
import { PROGRAM } from './program.js';

/** A process that does one job again and again. */
export interface Launched<Answer> {
  /** @throws Error when it has ended */
  ask(): Promise<Answer>;
  /** Asks for the last time. */
  askOnce(): Promise<Answer>;
  /** Resolves when it is gone: only then does its processor time count as ours. */
  end(): Promise<void>;
}

/** @param words - what the job is to work on */
export function launch<Answer>(job: Job, ...words: readonly string[]): Launched<Answer> {
  // Beside this one, once both are bundled.
  const script = join(import.meta.dirname, 'launched.mjs');
  const child = spawn(process.execPath, [...launcherFlags(), script, job, ...words], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, NODE_OPTIONS: '', ...launcherSettings() },
  });
  const gone = once(child, 'close');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ask = async (): Promise<Answer> => {
    child.stdin.write('\n');
    const { value, done } = await lines.next();
    if (done === true) throw new Error(`the process for ${job} has ended`);
    return JSON.parse(value) as Answer;
  };
  const end = async (): Promise<void> => {
    child.stdin.end();
    await gone;
  };
  return { ask, end, askOnce: () => ask().finally(end) };
}

/** What it sets for glibc. */
function launcherSettings(): Record<string, string> {
  const text = readFileSync(PROGRAM, 'latin1');
  const settings = [...text.matchAll(/^(MALLOC_\w+)=\$\{\1:-(\d+)\}$/gm)];
  if (settings.length === 0) throw new Error(`${PROGRAM} sets nothing for glibc`);
  return Object.fromEntries(settings.map(([, name = '', value = '']) => [name, value]));
}

/** As they stand in the launcher's last command. */
function launcherFlags(): string[] {
  const text = readFileSync(PROGRAM, 'latin1');
  const flags: string[] = text.slice(text.indexOf('\nexec ')).match(/--[a-z-]+(=\d+)?/g) ?? [];
  if (!flags.includes('--single-threaded-gc'))
    throw new Error(`${PROGRAM} starts node with ${flags.join(' ')}`);
  return flags;
}
