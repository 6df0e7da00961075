/** Runs the built program while the test does something to it: signals, a second session, a silent sender. */
import { spawn, type StdioOptions } from 'node:child_process';
import { setTimeout } from 'node:timers/promises';
import { PROGRAM } from './run.js';

export interface Started {
  readonly pid: number;
  /** Sends a signal. */
  kill(signal: NodeJS.Signals): void;
  /** Standard output and standard error so far. */
  readonly stdout: string;
  readonly stderr: string;
  /** Exit code, or the signal that ended it. */
  readonly ended: Promise<number | NodeJS.Signals>;
  /** Closes standard input, where it is a pipe. */
  endInput(): void;
}

/** Starts `sluice ARGS`; `stdin` is "pipe" (a socket that is silent), "ignore" or a file descriptor. */
export function start(args: readonly string[], stdin: 'ignore' | 'pipe' | number = 'ignore'): Started {
  const stdio: StdioOptions = [stdin, 'pipe', 'pipe'];
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, PROGRAM, ...args], { stdio });
  let stdout = '';
  let stderr = '';
  child.stdout?.on('data', (bytes: Buffer) => (stdout += bytes.toString()));
  child.stderr?.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  child.stdin?.on('error', () => {});
  return {
    pid: child.pid ?? -1,
    kill: (signal) => void child.kill(signal),
    endInput: () => void child.stdin?.end(),
    get stdout() {
      return stdout;
    },
    get stderr() {
      return stderr;
    },
    ended: new Promise((resolve, reject) => {
      child.on('error', reject);
      child.on('close', (code, signal) => resolve(code ?? signal ?? -1));
    }),
  };
}

/** Waits until `condition` holds; throws when it does not in 20 seconds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  for (let left = 4000; !condition(); left--) {
    if (left === 0) throw new Error(`waited in vain until ${what}`);
    await setTimeout(5);
  }
}
