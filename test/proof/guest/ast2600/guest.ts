import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, rmSync } from 'node:fs';
import type { BootImages } from './image.js';
import type { Host, JobResult } from './host.js';
import { traceOf, type FlashTrace } from './trace.js';
import type { Userland } from './userland.js';

/** Milliseconds from the start of QEMU to the first word of the guest; it takes 6 to 10 s, many times that on a busy machine. */
const BOOT_LIMIT = 240_000;

/** Milliseconds of a job: a whole update takes 20 s on an idle machine, and many times that on a busy one. */
const JOB_LIMIT = 1_200_000;

export interface GuestOptions {
  readonly userland: Userland;
  readonly images: BootImages;
  /** SD card with what is tested. */
  readonly payload: string;
  readonly host: Host;
  /** The raw bytes of the board's flash, 64 MiB. They stay. */
  readonly flash: string;
  /** Where QEMU writes what the flash chips were told. */
  readonly trace: string;
  /** MiB of memory that the kernel may use. @default 1024 */
  readonly memory?: number;
}

/**
 * Memory of the board begins here (aspeed-g6.dtsi); and so far from there QEMU puts the initial file system and the device
 * tree, whatever the kernel is told of the size (hw/arm/boot.c, arm_load_kernel).
 */
const MEMORY = 0x80000000;
const INITIAL = 0x08000000;
/** MiB of memory that the kernel needs there to read them. */
const INITIAL_ROOM = 8;

/** The kernel's words for so many MiB of memory, in two pieces. */
const smaller = (mib: number): string[] => [
  `mem=${mib - INITIAL_ROOM}M@0x${MEMORY.toString(16)}`,
  `mem=${INITIAL_ROOM}M@0x${(MEMORY + INITIAL).toString(16)}`,
];

/** QEMU has ended, or was ended, while something was asked of the guest. */
export class GuestLost extends Error {}

/** QEMU's ast2600-evb, booted: two Cortex-A7, all of it emulated. */
export class Guest {
  readonly #qemu: ChildProcess;
  readonly #console: () => string;

  private constructor(
    readonly options: GuestOptions,
    qemu: ChildProcess,
    console: () => string,
  ) {
    this.#qemu = qemu;
    this.#console = console;
  }

  /** Boots; a guest that is not there in time is started once more. */
  static async boot(options: GuestOptions): Promise<Guest> {
    const first = await Guest.#try(options);
    if (first instanceof Guest) return first;
    const second = await Guest.#try(options);
    if (second instanceof Guest) return second;
    throw new GuestLost(`the guest did not start, twice; the last that it said:\n${second.slice(-3000)}`);
  }

  /** A guest, or what its console said until it was given up. */
  static async #try(options: GuestOptions): Promise<Guest | string> {
    const { userland, images, payload, host, flash, trace, memory } = options;
    rmSync(trace, { force: true });
    const words = [
      // The default leaves no room to map both flash windows of 256 MiB.
      'console=ttyS4,115200 quiet panic=-1 vmalloc=768M',
      `sluice.server=10.0.2.2:${host.port}`,
      ...(memory === undefined ? [] : smaller(memory)),
    ];
    const args = [
      [
        '-M',
        'ast2600-evb',
        '-accel',
        'tcg',
        '-m',
        '1G',
        '-nodefaults',
        '-display',
        'none',
        '-serial',
        'stdio',
      ],
      ['-no-reboot', '-kernel', userland.kernel, '-dtb', userland.deviceTree, '-initrd', images.initramfs],
      ['-drive', `file=${flash},format=raw,if=mtd`],
      ['-drive', `file=${images.root},format=raw,if=sd,index=0,snapshot=on`],
      ['-drive', `file=${payload},format=raw,if=sd,index=1,snapshot=on`],
      ['-net', 'nic', '-net', 'user', '-append', words.join(' ')],
      ['-trace', 'm25p80_flash_erase', '-trace', 'm25p80_programming_zero_to_one', '-D', trace],
    ].flat();
    const began = performance.now();
    const qemu = spawn('qemu-system-arm', args, { stdio: ['ignore', 'pipe', 'pipe'] });
    // No guest outlives the harness.
    const reap = (): void => void qemu.kill('SIGKILL');
    process.once('exit', reap);
    qemu.once('exit', () => process.off('exit', reap));
    let said = '';
    const hear = (bytes: Buffer): void => void (said = (said + bytes.toString('latin1')).slice(-65_536));
    qemu.stdout.on('data', hear);
    qemu.stderr.on('data', hear);
    const ended = new Promise<false>((resolve) => {
      qemu.on('error', (error) => {
        said += String(error);
        resolve(false);
      });
      qemu.on('exit', () => resolve(false));
    });
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), BOOT_LIMIT)));
    const up = await Promise.race([host.hello().then(() => true), ended, late]);
    clearTimeout(timer);
    const guest = new Guest(options, qemu, () => said);
    if (!up) {
      const how = guest.running ? 'silent' : `QEMU ended with ${qemu.exitCode ?? qemu.signalCode}`;
      await guest.kill();
      return `${said}\n(${how}, ${((performance.now() - began) / 1000).toFixed(1)} s)`;
    }
    qemu.on('exit', () =>
      host.lost(new GuestLost(`QEMU has ended; the last that it said:\n${said.slice(-3000)}`)),
    );
    return guest;
  }

  /**
   * Runs a shell script in the guest to its end.
   * @throws GuestLost when the guest dies of it, or does not come back in time
   */
  async run(script: string, limit = JOB_LIMIT): Promise<JobResult> {
    if (!this.running) throw new GuestLost('QEMU has ended');
    const timer = setTimeout(() => {
      this.options.host.lost(
        new GuestLost(`no answer in ${limit} ms; the console:\n${this.#console().slice(-3000)}`),
      );
      this.#qemu.kill('SIGKILL');
    }, limit);
    try {
      return await this.options.host.run(script);
    } finally {
      clearTimeout(timer);
    }
  }

  get running(): boolean {
    return this.#qemu.exitCode === null && this.#qemu.signalCode === null && this.#qemu.pid !== undefined;
  }

  /** What the flash chips were told since the guest was booted. */
  trace(): FlashTrace {
    return traceOf(existsSync(this.options.trace) ? readFileSync(this.options.trace, 'latin1') : '');
  }

  /** Cuts the power: nothing in the guest has a chance to end well. */
  async kill(): Promise<void> {
    if (!this.running) return;
    const gone = once(this.#qemu, 'exit');
    this.#qemu.kill('SIGKILL');
    await gone;
  }

  /** Ends the guest as it would end by itself. */
  async end(): Promise<void> {
    if (!this.running) return;
    const gone = once(this.#qemu, 'exit');
    this.options.host.run('').catch(() => {});
    await gone;
  }
}
