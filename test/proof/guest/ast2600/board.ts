import assert from 'node:assert/strict';
import { copyFileSync, cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import type { Receipt } from '../../../../src/core/update/report/receipt.js';
import { bundleTest, REAL_DEVICES } from '../../../kit/suite-bundle.js';
import { makeBundles, MACHINE, type Bundles } from './bundles.js';
import { CHIP_SIZE, expectChip } from './chip.js';
import { Guest } from './guest.js';
import { Host } from './host.js';
import { makeBootImages, makePayload, type BootImages } from './image.js';
import { fetchNode, NODES } from './node-package.js';
import { print } from './report.js';
import { Skip } from './tools.js';
import { makeUserland, type Userland } from './userland.js';

/** What a command took, as measure.c found it: seconds, and KiB. */
export interface Used {
  readonly wall: number;
  readonly user: number;
  readonly system: number;
  readonly code: number;
  /** Peak resident set, pages of the node binary included. */
  readonly rss: number;
  /** Largest Pss_Anon that a sample saw. */
  readonly anon: number;
  /** The machine's MemAvailable. */
  readonly availableBefore: number;
  readonly availableLowest: number;
  /** By how much tmpfs grew, at most. */
  readonly tmpfs: number;
}

export interface Written {
  readonly code: number;
  readonly receipt: Receipt;
  readonly used: Used;
}

/** Milliseconds in which what the guest has synced reaches the flash file: QEMU writes it behind the guest's back. */
const SETTLING = 5000;

const ADDON = 'dist/native/linux-armv7/node-mtd.node';

/** The emulated board with its flash, and everything that lies ready for it; booted when it is needed. */
export class Board {
  readonly #parts: { userland: Userland; images: BootImages; payload: string; host: Host };
  readonly #folder: string;
  readonly bundles: Bundles;
  #guest: Guest | null = null;
  #memory: number | undefined;
  /** Seconds that each boot took, to the first word of the guest. */
  readonly boots: number[] = [];

  private constructor(
    folder: string,
    bundles: Bundles,
    parts: { userland: Userland; images: BootImages; payload: string; host: Host },
  ) {
    this.#folder = folder;
    this.bundles = bundles;
    this.#parts = parts;
  }

  /**
   * @param cache - where what is fetched and made once lies
   * @param folder - for this run
   * @param rofs - bytes of the largest image
   * @throws Skip where something cannot be had
   */
  static async make(cache: string, folder: string, rofs: number): Promise<Board> {
    if (!existsSync(ADDON)) throw new Skip('the addon is not built: npm run build:native -- --target armv7');
    const userland = makeUserland(cache);
    const node = fetchNode(cache, NODES.armv7.name, NODES.armv7.version);
    const images = makeBootImages(cache, userland, node);
    const bundles = makeBundles(join(folder, 'bundles'), rofs);
    const card = join(folder, 'payload');
    mkdirSync(card);
    cpSync('dist/bin', join(card, 'dist/bin'), { recursive: true });
    mkdirSync(join(card, 'dist/native/linux-armv7'), { recursive: true });
    copyFileSync(ADDON, join(card, ADDON));
    cpSync(bundles.folder, join(card, 'bundles'), { recursive: true });
    copyFileSync('test/proof/guest/ast2600/older-node.cjs', join(card, 'older-node.cjs'));
    await bundleTest(REAL_DEVICES, join(card, 'dist/bin/conformance.mjs'));
    const payload = join(folder, 'payload.sd');
    makePayload(payload, card);
    writeFileSync(join(folder, 'flash'), bundles.old);
    return new Board(folder, bundles, { userland, images, payload, host: await Host.start() });
  }

  get kernel(): string {
    return this.#parts.userland.release;
  }

  get host(): Host {
    return this.#parts.host;
  }

  /** The guest, booted; with so many MiB of memory, or with what it has. */
  async guest(memory = this.#memory): Promise<Guest> {
    if (this.#guest !== null && this.#guest.running && memory === this.#memory) return this.#guest;
    await this.#guest?.end();
    const began = performance.now();
    this.#memory = memory;
    this.#guest = await Guest.boot({
      ...this.#parts,
      flash: join(this.#folder, 'flash'),
      trace: join(this.#folder, 'trace'),
      ...(memory !== undefined && { memory }),
    });
    this.boots.push((performance.now() - began) / 1000);
    print(
      `# booted${memory === undefined ? '' : ` with mem=${memory}M`} in ${this.boots.at(-1)?.toFixed(1)} s`,
    );
    return this.#guest;
  }

  /** Runs a script, which must end with 0, and gives what it printed. */
  async run(script: string): Promise<string> {
    const { code, output } = await (await this.guest()).run(script);
    assert.equal(code, 0, `the guest's job ended with ${code}: ${output.slice(-2000)}`);
    return output;
  }

  /** The URL of a bundle, for the guest. */
  url(name: string): string {
    return this.host.share(name, join(this.bundles.folder, name));
  }

  /** The path of a bundle on the guest's SD card. */
  path(name: string): string {
    return `/payload/bundles/${name}`;
  }

  /** `sluice write SOURCE`, measured, whatever comes of it. */
  async write(source: string, args: readonly string[] = []): Promise<Written> {
    const guest = await this.guest();
    const { output } = await guest.run(
      `${measured(writeCommand(source, args))}\ncat /tmp/used; cat /tmp/errors; echo; echo RECEIPT; cat /tmp/receipt`,
    );
    const [said = '', document = ''] = output.split('\nRECEIPT\n');
    if (!document.startsWith('{')) throw new Error(`sluice gave no receipt: ${said.slice(-2000)}`);
    const used = JSON.parse(said.split('\n')[0] as string) as Used;
    return { code: used.code, receipt: JSON.parse(document) as Receipt, used };
  }

  /** A write that must be committed. */
  async mustWrite(source: string, args: readonly string[] = []): Promise<Written> {
    const written = await this.write(source, args);
    assert.equal(written.code, 0, `exit 0: ${written.receipt.code} ${written.receipt.message}`);
    assert.equal(written.receipt.outcome, 'committed');
    return written;
  }

  /** Measures any command. */
  async measure(command: string): Promise<Used> {
    const output = await this.run(`${measured(command)}\ncat /tmp/used; cat /tmp/errors >&2`);
    return JSON.parse(output.split('\n')[0] as string) as Used;
  }

  /** The chip's bytes, as the host has them. */
  bytes(): Buffer {
    const bytes = readFileSync(join(this.#folder, 'flash'));
    assert.equal(bytes.length, CHIP_SIZE);
    return bytes;
  }

  /** Asserts what the chip holds, once all is written that is under way. */
  async expect(wanted: Buffer, message: string): Promise<void> {
    const until = performance.now() + SETTLING;
    while (!this.bytes().equals(wanted) && performance.now() < until) await setTimeout(100);
    expectChip(this.bytes(), wanted, message);
  }

  /** Resolves when so many blocks more have been erased. */
  async erased(count: number): Promise<void> {
    const guest = await this.guest();
    const goal = guest.trace().erases.length + count;
    while (guest.running && guest.trace().erases.length < goal) await setTimeout(50);
  }

  /** Ends the guest, or with `cut` takes its power away. */
  async down(cut = false): Promise<void> {
    const guest = this.#guest;
    this.#guest = null;
    await (cut ? guest?.kill() : guest?.end());
  }

  async close(): Promise<void> {
    await this.down(true);
    await this.host.close();
  }
}

/** As it is installed, by its launcher. */
export function writeCommand(source: string, args: readonly string[] = []): string {
  const options = [
    '--flash',
    'mtd:',
    '--keys',
    '/payload/bundles/keys',
    '--machine',
    MACHINE,
    '--json',
    ...args,
  ];
  return ['/payload/dist/bin/sluice', 'write', source, ...options].join(' ');
}

const measured = (command: string): string =>
  `rm -f /tmp/used; measure /tmp/used -- ${command} > /tmp/receipt 2> /tmp/errors`;
