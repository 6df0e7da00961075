/** Runs the built program so that it can be killed at any time. */
import { spawn, type ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { resolve } from 'node:path';

/** The built program; from where the harness is started, which is the repository. */
const PROGRAM = resolve('dist/bin/sluice.js');

/** A program that takes longer than this, however slow the machine, hangs. */
const PATIENCE = 120_000;

export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** A file that comes through a pipe on standard input. */
  readonly piped?: string;
  /** Where standard output and standard error go, by file name; else they are kept. */
  readonly stdout?: string;
  readonly stderr?: string;
  /** Words of the shell before the program is started, such as `ulimit -v 1000;`. */
  readonly before?: string;
}

export interface Ended {
  /** Null when a signal ended it. */
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Milliseconds that it ran. */
  readonly ms: number;
}

/** A program that runs. */
export class Program {
  readonly ended: Promise<Ended>;
  readonly #child: ChildProcess;
  stdout = '';
  stderr = '';
  over = false;

  constructor(args: readonly string[], options: RunOptions = {}) {
    if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there; say npm run build`);
    const { env = {}, piped, stdout, stderr, before = '' } = options;
    const redirect = [
      ...(piped === undefined ? ['</dev/null'] : ['< <(exec cat "$PIPED")']),
      ...(stdout === undefined ? [] : [`>${stdout}`]),
      ...(stderr === undefined ? [] : [`2>${stderr}`]),
    ].join(' ');
    const started = performance.now();
    // The shell gives its process to the program, so that a signal meets that one. NODE_OPTIONS has tap's loader.
    const preload = env['LD_PRELOAD'] === undefined ? '' : 'LD_PRELOAD="$SHIM" ';
    const script = `${before} exec ${preload === '' ? '' : `env ${preload}`}"$@" ${redirect}`;
    const { LD_PRELOAD: shim, ...rest } = env as Record<string, string>;
    const { NODE_OPTIONS: _, ...inherited } = process.env;
    this.#child = spawn('bash', ['-c', script, 'bash', process.execPath, PROGRAM, ...args], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...inherited, ...rest, ...(shim === undefined ? {} : { SHIM: shim }), PIPED: piped ?? '' },
    });
    this.#child.stdout?.on('data', (bytes: Buffer) => (this.stdout += bytes.toString()));
    this.#child.stderr?.on('data', (bytes: Buffer) => (this.stderr += bytes.toString()));
    const late = setTimeout(() => this.kill('SIGKILL'), PATIENCE);
    this.ended = new Promise((resolve, reject) => {
      this.#child.on('error', reject);
      let ms = 0;
      this.#child.on('exit', () => {
        this.over = true;
        ms = performance.now() - started;
      });
      this.#child.on('close', (code, signal) => {
        clearTimeout(late);
        resolve({ code, signal, stdout: this.stdout, stderr: this.stderr, ms });
      });
    });
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Nobody reads any more what it says. */
  closePipes(): void {
    this.#child.stdout?.destroy();
    this.#child.stderr?.destroy();
  }
}

/** Runs `sluice ARGS` to its end. */
export function sluice(args: readonly string[], options: RunOptions = {}): Promise<Ended> {
  return new Program(args, options).ended;
}
