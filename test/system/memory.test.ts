/**
 * The promise that memory does not depend on the image. Each run is the real program in a process of its own,
 * fed through a pipe; peaks are the kernel's (VmHWM), as the receipt tells them.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, rmSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import type { Receipt } from '../../src/core/update/report/receipt.js';
import { createSimChip } from '../../src/host/node/flash/sim-file/target.js';
import { generateBundle } from '../kit/generated-bundle.js';
import { writeKeyStore } from '../kit/keys.js';

const MIB = 1024 * 1024;
/** The erase block of the chips that hold a GiB. */
const BLOCK = 128 * 1024;

/** Peak resident bytes of a process so far. */
function peak(child: ChildProcess): number {
  const status = readFileSync(`/proc/${child.pid}/status`, 'latin1');
  return Number(/^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024;
}

/** The peak once the process has nothing left to do but wait for its first byte. */
async function idlePeak(child: ChildProcess): Promise<number> {
  for (let before = 0, same = 0; ;) {
    const now = peak(child);
    same = now === before ? same + 1 : 0;
    if (same === 8) return now;
    before = now;
    await setTimeout(50);
  }
}

const peakOf = (run: Run): number => run.receipt.memory.peakRss;
const apart = (small: Run, large: Run): number => peakOf(large) - peakOf(small);

interface Run {
  /** Peak bytes before the first byte came. */
  readonly idle: number;
  readonly receipt: Receipt;
}

/**
 * One update from a FIFO: what `stdio: 'pipe'` gives is a socket. The shell gives way to the program, so that the
 * child is the program; by way of env, as tap puts a loader of its own into every node that it sees being started.
 */
async function write(chip: string, keys: string, size: number): Promise<Run> {
  const bundle = generateBundle({ images: [{ name: 'rofs', size, seed: size }], block: BLOCK });
  const fifo = `${chip}.fifo`;
  rmSync(fifo, { force: true });
  execFileSync('mkfifo', [fifo]);
  const args = ['write', '-', '--flash', `sim:${chip}`, '--keys', keys, '--machine', 'any', '--json'];
  const child = spawn('sh', ['-c', 'exec env -u NODE_OPTIONS dist/bin/sluice "$@" < "$0"', fifo, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let json = '';
  child.stdout.on('data', (text: Buffer) => (json += text.toString()));
  const closed = once(child, 'close');
  const pipe = await open(fifo, 'w');
  const idle = await idlePeak(child);
  for (const chunk of bundle.chunks()) await pipe.writeFile(chunk);
  await pipe.close();
  await closed;
  return { idle, receipt: JSON.parse(json) as Receipt };
}

t.test('memory is the same for 32 MiB and for 1 GiB, and stays near the idle process', async (t) => {
  const dir = t.testdir({});
  const keys = writeKeyStore(join(dir, 'keys'));
  const chip = join(dir, 'chip.bin');
  createSimChip(chip, {
    layout: { name: 'big', size: 1088 * MIB, partitions: [{ name: 'rofs', offset: 0, size: 1088 * MIB }] },
    type: 'nand',
  });
  // Peaks move by some 0.2 MiB from run to run, with what the compiler happens to do, so a pair may be taken again.
  let small = await write(chip, keys, 32 * MIB);
  let large = await write(chip, keys, 1024 * MIB);
  for (let again = 0; again < 3 && apart(small, large) > MIB; again++) {
    small = await write(chip, keys, 32 * MIB);
    large = await write(chip, keys, 1024 * MIB);
  }

  for (const [{ receipt }, size] of [
    [small, 32 * MIB],
    [large, 1024 * MIB],
  ] as const) {
    t.equal(receipt.outcome, 'committed');
    t.equal(receipt.partitions['rofs']?.bytes, size);
    t.equal(receipt.partitions['rofs']?.blocks, size / BLOCK);
  }
  const above = (run: Run) => peakOf(run) - run.idle;
  const mib = (bytes: number) => `${(bytes / MIB).toFixed(2)} MiB`;
  t.comment(`idle ${mib(small.idle)}; above it: ${mib(above(small))} and ${mib(above(large))}`);
  const difference = apart(small, large);
  t.ok(difference <= MIB, `the peaks differ by ${mib(difference)}, at most 1 MiB`);
  t.ok(above(small) <= 8 * MIB, `32 MiB peak ${mib(above(small))} above idle, at most 8 MiB`);
  t.ok(above(large) <= 8 * MIB, `1 GiB peaks ${mib(above(large))} above idle, at most 8 MiB`);
});
