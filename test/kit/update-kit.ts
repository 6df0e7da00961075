/**
 * What the tests of update/ share: small chips, sessions in one call, and what a chip must hold afterwards.
 */
import type { SluiceError } from '../../src/core/errors.js';
import type { FlashDevice, FlashTarget, Partition } from '../../src/core/flash/device.js';
import { nodePlatform } from '../../src/host/node/platform.js';
import {
  memoryTarget,
  parseFault,
  type ChipOperation,
  type Layout,
  type MemoryTarget,
  type MemoryTargetOptions,
} from '../../src/core/sim/index.js';
import type { Abort, Platform, PublicKey } from '../../src/core/platform.js';
import { OpenBmcTrust } from '../../src/core/trust/openbmc-trust.js';
import type { Trust, TrustPolicy } from '../../src/core/trust/trust.js';
import { KeyStore, systemKey } from '../../src/core/trust/key-store.js';
import { CheckPass, type CheckResult } from '../../src/core/update/check/check-pass.js';
import type { JournalStore } from '../../src/core/update/resume/journal-store.js';
import type { Observer } from '../../src/core/update/report/observer.js';
import type { Receipt } from '../../src/core/update/report/receipt.js';
import { UpdateSession } from '../../src/core/update/session.js';
import { MACHINE } from './bundle-maker.js';
import { noise } from './noise.js';
import { rsaSigner } from './keys.js';

export const ERASE = 4096;
export const PAGE = 512;

/** Blocks of each partition of the small chip. */
export const SMALL_BLOCKS = { 'u-boot': 2, kernel: 4, rofs: 6, rwfs: 4 } as const;

/** A layout of erase blocks of `eraseSize`, with the whole chip as `bmc`. */
export function layoutOf(blocks: Readonly<Record<string, number>>, eraseSize: number = ERASE): Layout {
  const partitions: { name: string; offset: number; size: number }[] = [];
  let offset = 0;
  for (const [name, count] of Object.entries(blocks)) {
    partitions.push({ name, offset, size: count * eraseSize });
    offset += count * eraseSize;
  }
  return {
    name: 'small',
    size: offset,
    partitions: [{ name: 'bmc', offset: 0, size: offset }, ...partitions],
  };
}

export const SMALL = layoutOf(SMALL_BLOCKS);

export interface ChipSetup extends Omit<MemoryTargetOptions, 'faults'> {
  readonly faults?: readonly string[];
  readonly layout?: Layout;
}

/** What chips hold before an update: noise that no image of the tests has. */
export const oldContent = (size: number = SMALL.size): Uint8Array => noise(size, 77);

/** A NOR chip with old content, faults in their text form. */
export function nor({ faults = [], layout = SMALL, ...options }: ChipSetup = {}): MemoryTarget {
  return memoryTarget(layout, {
    eraseSize: ERASE,
    ...options,
    content: options.content ?? oldContent(layout.size),
    faults: faults.map(parseFault),
  });
}

/** A NAND chip with old content. */
export function nand(setup: ChipSetup = {}): MemoryTarget {
  return nor({ type: 'nand', writeSize: PAGE, ...setup });
}

export const platform: Platform = await nodePlatform();

/**
 * The platform with a memory: each signature is checked once a process, the same question again gets the same
 * answer. For tests that run thousands of sessions.
 */
export const quickPlatform: Platform = {
  ...platform,
  publicKey: remembering((pem) => platform.publicKey(pem)),
};

function remembering(parse: Platform['publicKey']): Platform['publicKey'] {
  const parsed = new Map<string, PublicKey>();
  return async (pem) => {
    const id = Buffer.from(pem).toString('latin1');
    const known = parsed.get(id);
    if (known !== undefined) return known;
    const key = await parse(pem);
    const answers = new Map<string, boolean>();
    const quick: PublicKey = {
      kind: key.kind,
      bits: key.bits,
      async verify(question) {
        const { scheme, hash, digest, signature } = question;
        const bytes = Buffer.concat([digest, signature]).toString('latin1');
        const id = `${scheme} ${hash} ${digest.length} ${bytes}`;
        const answer = answers.get(id) ?? (await key.verify(question));
        answers.set(id, answer);
        return answer;
      },
    };
    parsed.set(id, quick);
    return quick;
  };
}

const stores = new Map<Platform, KeyStore>();
for (const each of [platform, quickPlatform]) {
  stores.set(each, new KeyStore([await systemKey(each, 'OpenBMC', rsaSigner.pem, rsaSigner.hashType)]));
}

const chainOn = (on: Platform): Trust =>
  new OpenBmcTrust(on, stores.get(on) as KeyStore, { machine: MACHINE }, { anyImages: true });
export const chain = (): Trust => chainOn(platform);
/** As `chain`, for `quickPlatform`. */
export const quickChain = (): Trust => chainOn(quickPlatform);

export interface UpdateOptions {
  readonly policy?: TrustPolicy;
  readonly only?: readonly string[] | null;
  readonly forceMounted?: readonly string[];
  readonly expect?: CheckResult | null;
  readonly trust?: Trust;
  readonly observer?: Observer;
  readonly signal?: Abort;
  readonly platform?: Platform;
  readonly journal?: JournalStore | null;
  readonly resumeLimit?: number;
}

export function sessionOf(target: FlashTarget, options: UpdateOptions = {}): UpdateSession {
  return new UpdateSession({ platform, trust: chain(), policy: 'before-erase', target, ...options });
}

export interface Result {
  readonly receipt: Receipt;
  readonly error: SluiceError | null;
}

/** Pushes the pieces through a session as an ingress does. */
export async function pump(session: UpdateSession, pieces: Iterable<Uint8Array>): Promise<Result> {
  let receipt: Receipt;
  try {
    for (const piece of pieces) await session.write(piece);
    receipt = await session.end();
  } catch (thrown) {
    receipt = await session.abort(thrown);
  }
  return { receipt, error: session.error };
}

/** A whole update in one call; `source` is one byte string or its pieces. */
export function update(
  target: FlashTarget,
  source: Uint8Array | Iterable<Uint8Array>,
  options: UpdateOptions = {},
): Promise<Result> {
  return pump(sessionOf(target, options), source instanceof Uint8Array ? [source] : source);
}

/** The check pass over a source. */
export async function check(
  source: Uint8Array | Iterable<Uint8Array>,
  target: FlashTarget | null,
  options: { only?: readonly string[] | null; forecast?: boolean; trust?: Trust; observer?: Observer } = {},
): Promise<CheckResult> {
  const pass = new CheckPass({
    platform,
    trust: options.trust ?? chain(),
    target,
    forecast: options.forecast ?? false,
    only: options.only ?? null,
    single: null,
    observer: options.observer ?? {},
  });
  for (const piece of source instanceof Uint8Array ? [source] : source) await pass.write(piece);
  await pass.end();
  return pass.result();
}

/** `bytes` in pieces that end at `cuts`, which ascend. */
export function* piecesAt(bytes: Uint8Array, cuts: readonly number[]): Generator<Uint8Array> {
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    yield bytes.subarray(from, cut);
    from = cut;
  }
}

/** `bytes` in pieces of one size, all of them in one buffer that is used again, as a socket reader does. */
export function* reusedPieces(bytes: Uint8Array, size: number): Generator<Uint8Array> {
  const buffer = new Uint8Array(size);
  for (let at = 0; at < bytes.length; at += size) {
    const piece = bytes.subarray(at, at + size);
    buffer.set(piece);
    yield buffer.subarray(0, piece.length);
    buffer.fill(0xa5);
  }
}

/** The blocks that an image covers, filled up with 0xFF. */
export function padded(image: Uint8Array, eraseSize: number = ERASE): Uint8Array {
  const whole = new Uint8Array(Math.ceil(image.length / eraseSize) * eraseSize).fill(0xff);
  whole.set(image);
  return whole;
}

/** What a chip without bad blocks must hold when `images` were written over `before`. */
export function written(
  before: Uint8Array,
  layout: Layout,
  images: Readonly<Record<string, Uint8Array>>,
  eraseSize: number = ERASE,
): Uint8Array {
  const after = before.slice();
  for (const [name, image] of Object.entries(images)) {
    after.set(padded(image, eraseSize), partitionIn(layout, name).offset);
  }
  return after;
}

export function partitionIn(layout: Layout, name: string): { offset: number; size: number } {
  const partition = layout.partitions.find((candidate) => candidate.name === name);
  if (partition === undefined) throw new Error(`there is no partition ${name}`);
  return partition;
}

/** Bytes of a partition as they stand on the chip (a view). */
export function partitionBytes(target: MemoryTarget, name: string): Uint8Array {
  const { offset, size } = target.partitions.get(name) as Partition;
  return target.bytes.subarray(offset, offset + size);
}

/** What a boot loader reads of a NAND partition: its good blocks one after the other. */
export async function skipping(target: MemoryTarget, name: string): Promise<Uint8Array> {
  const { offset, size } = target.partitions.get(name) as Partition;
  const { eraseSize } = target.chip.geometry;
  const blocks: Uint8Array[] = [];
  for (let at = offset; at < offset + size; at += eraseSize) {
    if ((await target.chip.isBad(at / eraseSize)) === true) continue;
    blocks.push(target.bytes.subarray(at, at + eraseSize));
  }
  return Buffer.concat(blocks);
}

export const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;
export const erased = (bytes: Uint8Array): boolean => bytes.every((byte) => byte === 0xff);

/** A receipt without what no two runs share. */
export function plain(receipt: Receipt): unknown {
  return { ...receipt, times: null, memory: null };
}

/** Everything that was erased or programmed, in order. */
export function recorder(): { changes: ChipOperation[]; onOperation: (operation: ChipOperation) => void } {
  const changes: ChipOperation[] = [];
  const onOperation = (operation: ChipOperation): void => {
    if (operation.kind === 'erase' || operation.kind === 'program') changes.push(operation);
  };
  return { changes, onOperation };
}

/** The same partitions on another device. */
export function through(target: MemoryTarget, device: FlashDevice): FlashTarget {
  const partitions = new Map(
    [...target.partitions].map(([name, partition]) => [name, { ...partition, device }]),
  );
  return { address: target.address, partitions, close: () => device.close() };
}
