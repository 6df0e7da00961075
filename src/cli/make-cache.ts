/**
 * `node dist/bin/make-cache.js`: writes dist/bin/cache, from which the program starts faster (loader.ts). It is for
 * one version of Node, one kind of processor and the flags of the launcher; what does not fit is not used. The build
 * runs it for the Node that it runs on. On a board it is run once, by who may write the program.
 *
 * It starts the program for work of its own in a folder for that, and keeps what V8 has compiled for it: what a start
 * needs, and no more, as all of it is memory too.
 *
 * It is CommonJS, and a program of its own: its second part is loaded into the program that it starts.
 *
 * @packageDocumentation
 */
import { execFileSync, spawn } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import { chmodSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import type { Script } from 'node:vm';
import { LOADED } from './loaded.js';

declare const __dirname: string;
declare const __filename: string;
declare const require: { main: unknown };
declare const module: unknown;

const FOLDER = `${__dirname}/cache/${process.version}-${process.arch}`;
const LAUNCHER = `${__dirname}/sluice`;

/** Milliseconds that the service gets to start, on the slowest board. */
const PATIENCE = 60_000;

/** In the program: keeps what was compiled of each file, when it ends; what an earlier run has kept stays. */
function keepWhenItEnds(): void {
  const scripts = new Map<string, Script>();
  Object.assign(globalThis, { [LOADED]: scripts });
  process.on('exit', () => {
    // The flags under which it will be loaded, see there.
    setFlagsFromString('--opt');
    for (const [name, script] of scripts) {
      const path = `${FOLDER}/${name.slice(2)}.bin`;
      if (existsSync(path)) continue;
      writeFileSync(path, script.createCachedData(), { mode: 0o644 });
      // Whatever the umask has made of it.
      chmodSync(path, 0o644);
    }
  });
}

async function makeCache(): Promise<void> {
  const work = mkdtempSync(join(tmpdir(), 'sluice-cache-'));
  try {
    const args = prepare(work);
    rmSync(FOLDER, { recursive: true, force: true });
    mkdirSync(FOLDER, { recursive: true });
    for (const folder of [FOLDER, join(FOLDER, '..')]) chmodSync(folder, 0o755);
    await serve(work, args);
    await write(args);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

/** A board: chip, key, name. @returns the arguments that name it */
function prepare(work: string): string[] {
  const chip = join(work, 'chip');
  const keys = join(work, 'keys');
  execFileSync(LAUNCHER, ['sim', 'create', chip], { stdio: 'ignore' });
  mkdirSync(join(keys, 'Own'), { recursive: true });
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  writeFileSync(join(keys, 'Own/publickey'), publicKey.export({ type: 'spki', format: 'pem' }));
  writeFileSync(join(keys, 'Own/hashfunc'), 'HashType=RSA-SHA256\n');
  return ['--flash', `sim:${chip}`, '--keys', keys, '--machine', 'none'];
}

const started = (args: readonly string[]): ReturnType<typeof spawn> =>
  spawn(LAUNCHER, args, {
    stdio: ['ignore', 'ignore', 'pipe'],
    env: { ...process.env, NODE_OPTIONS: `--require "${__filename.replace(/[\\"]/g, '\\$&')}"` },
  });

/** A service that listens, is asked for its health, and ends. */
function serve(work: string, args: readonly string[]): Promise<void> {
  const socketPath = join(work, 'http');
  const child = started(['serve', ...args, '--state', join(work, 'state'), '--http', `unix:${socketPath}`]);
  return new Promise((resolve, reject) => {
    let said = '';
    const timer = setTimeout(() => child.kill('SIGKILL'), PATIENCE);
    child.stderr?.on('data', (bytes: Buffer) => {
      const before = said.includes('listening');
      said += bytes.toString();
      if (before || !said.includes('listening')) return;
      const stop = (): void => void child.kill('SIGTERM');
      get({ socketPath, path: '/health', agent: false }, (answer) => {
        answer.resume().once('close', stop);
      }).once('error', stop);
    });
    child.once('error', reject);
    child.once('close', (code) => {
      clearTimeout(timer);
      if (code === 0) resolve();
      else reject(new Error(`the service did not start: ${said}`));
    });
  });
}

/** A write that finds nothing to read. */
function write(args: readonly string[]): Promise<void> {
  const child = started(['write', '/dev/null', ...args]);
  child.stderr?.resume();
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', () => resolve());
  });
}

if (require.main === module) {
  makeCache().catch((error: Error) => {
    process.stderr.write(`make-cache: ${error.message}\n`);
    process.exitCode = 1;
  });
} else keepWhenItEnds();
