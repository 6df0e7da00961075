/** How long the program takes to start, as multiples of what Node itself takes: in wall time, all in turns. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { createSimChip } from '../src/host/node/flash/sim-file/target.js';
import { generateBundle } from '../test/kit/generated-bundle.js';
import { saveBundle } from './bundle-file.js';
import { noisy, type Figure } from './results.js';
import { layoutOf, MACHINE } from './update.js';
import { writeKeyStore } from '../test/kit/keys.js';

const PROGRAM = resolve('dist/bin/sluice');

const RUNS = 15;

/** Erase blocks of the bundle that is written. */
const BLOCKS = 4;
const BLOCK = 65_536;

type Measured = () => Promise<number>;

/**
 * @param folder - for chip, keys and bundle; they stay there
 * @param runs - of each, after one that does not count
 * @param withService - also the start of the service by its first connection; needs `cc`
 */
export async function measureStart(folder: string, runs = RUNS, withService = true): Promise<Figure[]> {
  const site = makeSite(folder);
  const service = withService ? await onDemand(site) : null;
  const rows: [string, Measured][] = [
    ['start-node', timeOf('node', ['-e', '0'])],
    ['start-version', timeOf(PROGRAM, ['--version'])],
    ['start-write', timeOf(PROGRAM, ['write', site.bundle, ...site.args])],
    ...(service === null ? [] : [['start-service', service.measure] as [string, Measured]]),
  ];
  const times = rows.map((): number[] => []);
  for (let run = 0; run <= runs; run++) {
    for (const [at, [, measure]] of rows.entries()) {
      const time = await measure();
      // The first one does not count.
      if (run > 0) times[at]?.push(time);
    }
  }
  service?.end();
  const [empty = []] = times;
  return rows.flatMap(([subject], at): Figure[] => {
    const all = times[at] as number[];
    const wall = noisy(subject, 'wallMs', 'ms', all);
    if (at === 0) return [wall];
    // Each by the empty Node of its own turn.
    const ratios = all.map((ms, run) => ms / (empty[run] as number));
    return [wall, noisy(subject, 'timesNode', 'ratio', ratios)];
  });
}

interface Site {
  readonly folder: string;
  readonly bundle: string;
  readonly args: readonly string[];
}

function makeSite(parent: string): Site {
  const folder = join(parent, 'start');
  mkdirSync(folder);
  const chip = join(folder, 'chip.bin');
  createSimChip(chip, {
    layout: layoutOf(32 * BLOCK),
    type: 'nor',
  });
  const keys = join(folder, 'keys');
  writeKeyStore(keys, 'Bench');
  const bundle = join(folder, 'bundle.tar');
  saveBundle(bundle, generateBundle({ images: [{ name: 'rofs', size: BLOCKS * BLOCK }], machine: MACHINE }));
  return { folder, bundle, args: ['--flash', `sim:${chip}`, '--keys', keys, '--machine', MACHINE] };
}

const timeOf =
  (program: string, args: readonly string[]): Measured =>
  async () => {
    const began = performance.now();
    const child = spawn(program, args, { stdio: 'ignore' });
    const [code] = (await once(child, 'exit')) as [number | null];
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}`);
    return performance.now() - began;
  };

/** The service as systemd starts it, with the tests' stand-in for that; gone again before the next run. */
async function onDemand({ folder, args }: Site): Promise<{ measure: Measured; end: () => void }> {
  const config = join(folder, 'config.json');
  writeFileSync(config, JSON.stringify({ idleExit: 1, http: { listen: ['systemd'] } }));
  const activator = join(folder, 'activator');
  execFileSync('cc', ['-O1', '-o', activator, 'test/kit/systemd/activator.c']);
  const state = join(folder, 'state');
  const words = [folder, '0', PROGRAM, 'serve', '--config', config, '--state', state, ...args];
  const child = spawn(activator, words, { stdio: ['ignore', 'pipe', 'ignore'] });
  let said = '';
  child.stdout.on('data', (bytes: Buffer) => (said += bytes.toString()));
  const seen = (what: RegExp): number => [...said.matchAll(what)].length;
  while (seen(/ port /g) === 0) await setTimeout(5);
  const port = Number(/ port (\d+)/.exec(said)?.[1]);
  const measure = async (): Promise<number> => {
    const ended = seen(/ exit /g);
    const time = await firstByte(port);
    while (seen(/ exit /g) === ended) await setTimeout(5);
    return time;
  };
  return { measure, end: () => void child.kill() };
}

async function firstByte(port: number): Promise<number> {
  const began = performance.now();
  const socket = connect(port, '127.0.0.1');
  socket.write('GET /health HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n');
  const [bytes] = (await once(socket, 'data')) as [Buffer];
  const time = performance.now() - began;
  if (!bytes.toString('latin1').startsWith('HTTP/1.1 200 ')) throw new Error(bytes.toString('latin1'));
  socket.resume();
  return time;
}
