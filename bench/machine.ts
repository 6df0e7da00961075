import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, loadavg, totalmem, type, release } from 'node:os';

/** What a result was measured on; names no path and no host. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memoryMiB: number;
  readonly system: string;
  readonly node: string;
  readonly openssl: string;
}

/** What a run was made under. */
export interface Conditions {
  readonly date: string;
  /** `+` behind it: with changes. */
  readonly commit: string | null;
  readonly machine: Machine;
  /** Load average when it began, and the share of the cores that other programs used from then on. */
  readonly neighbours: { readonly load: number; readonly share: number };
}

export function describeMachine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? 'unknown',
    cores: all.length,
    memoryMiB: Math.round(totalmem() / 2 ** 20),
    system: `${type()} ${release()}`,
    node: process.version,
    openssl: firstLine('openssl', ['version']) ?? 'none',
  };
}

/** The commit that was measured; `+` where the working tree has changes to the program or to the harness. */
export function describeCommit(): string | null {
  const commit = firstLine('git', ['rev-parse', '--short', 'HEAD']);
  if (commit === null) return null;
  return firstLine('git', ['status', '--porcelain', '--', 'src', 'bench/*.ts', 'test/kit']) === ''
    ? commit
    : `${commit}+`;
}

function firstLine(program: string, args: readonly string[]): string | null {
  try {
    const text = execFileSync(program, args, { encoding: 'latin1', stdio: ['ignore', 'pipe', 'ignore'] });
    return text.split('\n')[0] as string;
  } catch {
    return null;
  }
}

/** Linux counts process times in hundredths of a second, whatever the kernel's own tick (man 5 proc_pid_stat). */
export const TICKS_PER_SECOND = 100;

/** CPU seconds, user and system, of the children that have ended and been waited for. */
export function childCpu(): number {
  // The name, in brackets, may hold anything; the fields after it are numbers. cutime and cstime are 16 and 17.
  const fields = readFileSync('/proc/self/stat', 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[13]) + Number(fields[14])) / TICKS_PER_SECOND;
}

/** CPU seconds of this process, all of its threads. */
export function ownCpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}

/** How much of the machine others used from its making on: what makes figures of time and CPU doubtful. */
export class Neighbours {
  readonly #start = machineTime();
  readonly #own = ownCpu() + childCpu();
  readonly load = loadavg()[0] as number;

  /** To be asked at the end of a run. */
  conditions(): Conditions {
    return {
      date: new Date().toISOString().slice(0, 10),
      commit: describeCommit(),
      machine: describeMachine(),
      neighbours: { load: Number(this.load.toFixed(2)), share: Number(this.#share().toFixed(2)) },
    };
  }

  /** Share of all cores, 0 to 1. Children count as ours once they have ended. */
  #share(): number {
    const now = machineTime();
    const busy = now.busy - this.#start.busy - (ownCpu() + childCpu() - this.#own);
    return Math.max(0, busy / (now.total - this.#start.total));
  }
}

function machineTime(): { busy: number; total: number } {
  let busy = 0;
  let total = 0;
  for (const { times } of cpus()) {
    busy += (times.user + times.nice + times.sys + times.irq) / 1000;
    total += (times.user + times.nice + times.sys + times.irq + times.idle) / 1000;
  }
  return { busy, total };
}
