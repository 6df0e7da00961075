/** Memory of a process, as /proc tells it from outside. */
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import type { Test } from 'tap';

/**
 * MiB resident that an idle service may take more than an empty Node. Of its own memory it is 5 to 7 with any Node; the
 * rest is pages of Node's binary, read when they are first used and given back when memory is short: more of them from
 * Node 23 on.
 */
export const IDLE = Number(process.versions.node.split('.')[0]) < 23 ? 12 : 18;

/** MiB of a process: resident, the most of it so far, or the part of it that is not backed by a file. */
export function memoryOf(pid: number, name: 'VmRSS' | 'VmHWM' | 'RssAnon'): number {
  const status = readFileSync(`/proc/${pid}/status`, 'latin1');
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024;
}

/** MiB resident when a process has nothing left to do but wait. */
export async function atRest(pid: number): Promise<number> {
  for (let before = 0, same = 0; ;) {
    const now = memoryOf(pid, 'VmRSS');
    same = now === before ? same + 1 : 0;
    if (same === 10) return now;
    before = now;
    await setTimeout(50);
  }
}

/** MiB that Node takes on this machine to wait for nothing. */
export async function emptyNode(t: Test): Promise<{ resident: number; anonymous: number }> {
  const words = ['-u', 'NODE_OPTIONS', 'node', '-e', 'setTimeout(() => {}, 1e6)'];
  const child = spawn('env', words, { stdio: 'ignore' });
  t.teardown(() => child.kill());
  await setTimeout(500);
  const resident = await atRest(child.pid as number);
  return { resident, anonymous: memoryOf(child.pid as number, 'RssAnon') };
}
