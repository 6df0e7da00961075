/** A process seen from outside: its memory sampled, its processor time read. */
import { readFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { KIB } from './figures.js';
import { TICKS_PER_SECOND } from './machine.js';

/** Milliseconds between two samples. VmHWM is kept by the kernel: of that only the last reading may be missed. */
const SAMPLE = 5;

/** Milliseconds in which nothing must change for a process to count as idle. */
const QUIET = 400;

/** Bytes. */
export interface Memory {
  readonly rss: number;
  readonly anon: number;
}

/** What /proc says of a process now, in bytes; null when it has ended. */
export function memoryOf(pid: number): (Memory & { readonly peak: number }) | null {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return null;
  }
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1] ?? 0) * KIB;
  const peak = field('VmHWM');
  // A process that has ended, but is not yet waited for, has no memory any more.
  return peak === 0 ? null : { peak, rss: field('VmRSS'), anon: field('RssAnon') };
}

/** CPU seconds of a living process, all of its threads. */
export function cpuOf(pid: number): number {
  // The name, in brackets, may hold anything; utime and stime are fields 14 and 15.
  const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? [];
  return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
}

/** Memory of a process that has nothing left to do. */
export async function whenIdle(pid: number): Promise<Memory> {
  let last: Memory = { rss: 0, anon: 0 };
  for (let quiet = 0; quiet < QUIET;) {
    const now = memoryOf(pid);
    if (now === null) throw new Error('the program ended while it should wait');
    quiet = now.rss === last.rss ? quiet + SAMPLE : 0;
    last = { rss: now.rss, anon: now.anon };
    await setTimeout(SAMPLE);
  }
  return last;
}

/** Keeps the highest of what it sees until it is stopped. */
export class Sampler {
  readonly #pid: number;
  readonly #started = performance.now();
  readonly #timer: NodeJS.Timeout;
  #rss = 0;
  #anon = 0;
  #cpu = 0;
  readonly #line: [seconds: number, anon: number][] = [];

  constructor(pid: number) {
    this.#pid = pid;
    this.#timer = setInterval(() => this.#look(), SAMPLE);
    this.#look();
  }

  get peak(): Memory {
    return { rss: this.#rss, anon: this.#anon };
  }

  /** CPU seconds when it was last seen. */
  get cpu(): number {
    return this.#cpu;
  }

  /** Seconds since the start and anonymous bytes, at each sample. */
  get line(): readonly (readonly [seconds: number, anon: number])[] {
    return this.#line;
  }

  stop(): void {
    this.#look();
    clearInterval(this.#timer);
  }

  #look(): void {
    const now = memoryOf(this.#pid);
    if (now === null) return;
    this.#rss = Math.max(this.#rss, now.peak);
    this.#anon = Math.max(this.#anon, now.anon);
    this.#line.push([(performance.now() - this.#started) / 1000, now.anon]);
    try {
      this.#cpu = cpuOf(this.#pid);
    } catch {
      // It has ended between the two.
    }
  }
}
