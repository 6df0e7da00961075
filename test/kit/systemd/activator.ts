/** Stands for systemd where tests start the service by a connection: see activator.c. */
import { execFileSync, spawn } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import { until } from '../../system/start.js';

const SOURCE = fileURLToPath(new URL('activator.c', import.meta.url));

/** A line that the activator has said. */
export interface Said {
  /** Milliseconds of the monotonic clock. */
  readonly at: number;
  readonly what: 'port' | 'start' | 'exit' | 'notify';
  /** The number behind it: port or process. */
  readonly number: number;
  readonly text: string;
}

export interface Activator {
  readonly port: number;
  /** Path of the unix socket that is handed over too. */
  readonly local: string;
  /** All that was said so far. */
  readonly said: readonly Said[];
  /** What came over NOTIFY_SOCKET so far; line breaks as `;`. */
  readonly notes: readonly string[];
  /** Standard error of the program. */
  readonly stderr: string;
  of(what: Said['what']): readonly Said[];
  /** SIGTERM to the program; resolves when it has ended. */
  stop(): Promise<void>;
}

export interface ActivatorOptions {
  /** A folder of the test. */
  readonly dir: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  /** Milliseconds; 0: no watchdog. */
  readonly watchdog?: number;
  readonly env?: NodeJS.ProcessEnv;
}

/** Why it cannot be had; false when it can. */
export function noActivator(): string | false {
  try {
    execFileSync('cc', ['--version'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'there is no C compiler';
  }
}

/** Starts the activator, and so far nothing else; it ends with the test, and with it what it has started. */
export async function activate(t: Test, options: ActivatorOptions): Promise<Activator> {
  const { dir, command, watchdog = 0, env = {} } = options;
  const program = join(dir, 'activator');
  execFileSync('cc', ['-O1', '-Wall', '-Wextra', '-Werror', '-o', program, SOURCE], { stdio: 'inherit' });
  const words = ['-u', 'NODE_OPTIONS', program, dir, String(watchdog * 1000), ...command];
  // By way of env, as tap puts a loader of its own into every node that it sees being started.
  const child = spawn('env', words, {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, ...env },
  });
  const said: Said[] = [];
  let rest = '';
  let stderr = '';
  child.stdout.on('data', (bytes: Buffer) => {
    const lines = (rest + bytes.toString()).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, at, what, number, text = ''] = /^(\S+) (\w+) (\d+) ?(.*)$/.exec(line) ?? [];
      said.push({ at: Number(at), what: what as Said['what'], number: Number(number), text });
    }
  });
  child.stderr.on('data', (bytes: Buffer) => (stderr += bytes.toString()));
  let over = false;
  const ended = new Promise<void>((resolve) => {
    child.on('close', () => {
      over = true;
      resolve();
    });
  });
  const stop = (): Promise<void> => {
    child.kill('SIGTERM');
    return ended;
  };
  t.teardown(async () => {
    const hard = setTimeout(() => child.kill('SIGKILL'), 5000);
    await stop();
    clearTimeout(hard);
  });
  const of = (what: Said['what']): Said[] => said.filter((line) => line.what === what);
  await until(() => over || of('port').length > 0, 'the activator listens');
  return {
    port: of('port')[0]?.number ?? 0,
    local: join(dir, 'http.sock'),
    said,
    get notes() {
      return of('notify').map(({ text }) => text);
    },
    get stderr() {
      return stderr;
    },
    of,
    stop,
  };
}
