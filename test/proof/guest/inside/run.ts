import { spawnSync } from 'node:child_process';

/** What a program did. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly seconds: number;
}

export interface RunOptions {
  readonly input?: Uint8Array;
  readonly env?: NodeJS.ProcessEnv;
  /** Seconds. */
  readonly limit?: number;
}

/** Longer than anything here takes, even where the machine is busy: a program that hangs is named, not the guest. */
const LIMIT = 120;

/** Runs a program to its end, whatever that is. */
export function run(program: string, args: readonly string[], options: RunOptions = {}): Ran {
  const started = performance.now();
  const { input, env = process.env, limit = LIMIT } = options;
  const ran = spawnSync(program, args, {
    input,
    env,
    timeout: limit * 1000,
    killSignal: 'SIGKILL',
    maxBuffer: 2 ** 30,
  });
  if (ran.error !== undefined) throw new Error(`${program}: ${ran.error.message}`);
  return {
    code: ran.status,
    stdout: ran.stdout,
    stderr: ran.stderr.toString('utf8'),
    seconds: (performance.now() - started) / 1000,
  };
}

/** Runs a tool that must succeed, and gives its output. */
export function tool(program: string, ...args: readonly (string | number)[]): Buffer {
  const words = args.map(String);
  const ran = run(program, words);
  if (ran.code !== 0) {
    throw new Error(
      `${program} ${words.join(' ')} ended with ${ran.code}: ${ran.stderr || ran.stdout.toString()}`,
    );
  }
  return ran.stdout;
}
