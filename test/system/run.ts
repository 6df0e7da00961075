/** Runs the built program (dist/bin/sluice.js) in a child process, as a user would. */
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The built program; `npm test` builds it first. */
export const PROGRAM = fileURLToPath(new URL('../../dist/bin/sluice.js', import.meta.url));

export interface Run {
  /** Exit code; 128 + 15 and the like for a signal are not made up: null then. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** Standard output as one JSON document; throws when it is none. */
  // oxlint-disable-next-line typescript/no-explicit-any -- the tests assert its shape
  readonly json: any;
}

export interface RunOptions {
  /** Written to standard input through a pipe, then closed. */
  readonly input?: Uint8Array | readonly Uint8Array[];
  readonly cwd?: string;
  readonly env?: NodeJS.ProcessEnv;
  /** Another copy of the program. @default PROGRAM */
  readonly program?: string;
  /** Arguments for node itself, before the program. */
  readonly node?: readonly string[];
}

let state: string | null = null;

/** The usual state folder of the programs that this process runs; it goes away with it. */
function stateFolder(): string {
  if (state !== null) return state;
  const made = mkdtempSync(join(tmpdir(), 'sluice-state-'));
  process.on('exit', () => rmSync(made, { recursive: true, force: true }));
  state = made;
  return made;
}

/** Runs `sluice ARGS` to its end. */
export function sluice(args: readonly string[], options: RunOptions = {}): Promise<Run> {
  if (!existsSync(PROGRAM)) throw new Error(`${PROGRAM} is not there; say npm run build`);
  const { input, cwd, env: given = process.env, node = [], program = PROGRAM } = options;
  // Tests leave nothing in the state folder of this machine.
  const env = { STATE_DIRECTORY: stateFolder(), ...given };
  // By way of env, as tap puts a loader of its own into every node that it sees being started.
  const child = spawn('env', ['-u', 'NODE_OPTIONS', process.execPath, ...node, program, ...args], {
    cwd,
    env,
    stdio: [input === undefined ? 'ignore' : 'pipe', 'pipe', 'pipe'],
  });
  const out: Buffer[] = [];
  const err: Buffer[] = [];
  child.stdout?.on('data', (bytes: Buffer) => out.push(bytes));
  child.stderr?.on('data', (bytes: Buffer) => err.push(bytes));
  // A program that has seen enough closes the pipe: no failure of the test.
  child.stdin?.on('error', () => {});
  for (const part of input instanceof Uint8Array ? [input] : (input ?? [])) child.stdin?.write(part);
  child.stdin?.end();
  return new Promise((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      const stdout = Buffer.concat(out).toString('utf8');
      const stderr = Buffer.concat(err).toString('utf8');
      resolve({
        code,
        stdout,
        stderr,
        get json() {
          return JSON.parse(stdout) as unknown;
        },
      });
    });
  });
}
