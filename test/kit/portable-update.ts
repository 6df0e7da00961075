/**
 * One update over a chip in memory, written so that the same lines run under Node and in an engine that has
 * nothing but ES2022: the core is handed in, and so is everything from outside.
 */
import type * as Core from '../../src/core/index.js';
import type {
  CheckResult,
  FlashTarget,
  Layout,
  Platform,
  Receipt,
  Trust,
  TrustPolicy,
} from '../../src/core/index.js';
import type * as CoreWithMtd from './core-with-mtd.js';

/** What to do; survives JSON. */
export interface UpdateCase {
  readonly layout: Layout;
  /** Bytes of an erase block. */
  readonly eraseSize: number;
  /** Writes through the MTD driver of the core, on a chip in memory, instead of to the simulated chip. */
  readonly mtd?: boolean;
  readonly policy: TrustPolicy;
  /** Read the source twice: a check pass, then the session. */
  readonly checkFirst: boolean;
  /** Name and hash function of each trusted key; all of them are `Supply.pem`. */
  readonly keys: readonly (readonly [type: string, hashType: string])[];
}

/** What comes from outside. */
export interface Supply {
  /** What the chip holds before; taken over. */
  content(): Uint8Array;
  /** The public key. */
  pem(): Uint8Array;
  /** Starts the bundle over. */
  rewind(): void;
  /** The next bytes of the bundle, null at its end. */
  next(): Promise<Uint8Array | null>;
}

/** What came of it; survives JSON. */
export interface UpdateResult {
  /** The receipt without what differs from run to run. */
  readonly receipt: Omit<Receipt, 'times' | 'memory'>;
  /** SHA-256 of the chip, hex. */
  readonly chip: string;
  /** Erases of each block; none are counted under an MTD driver. */
  readonly wear: readonly number[];
  /** Every change of the chip in its order, such as `erase 3` and `program 12288+512`. */
  readonly changes: readonly string[];
}

const MACHINE = 'quanta-q71l';

/** The core, maybe with the MTD driver beside it. */
type CoreInUse = typeof Core & Partial<Pick<typeof CoreWithMtd, 'mtdTarget'>>;

interface Chip {
  readonly target: FlashTarget;
  /** Live. */
  readonly bytes: Uint8Array;
  wear(): Iterable<number>;
}

function openChip(
  core: CoreInUse,
  { layout, eraseSize, mtd = false }: UpdateCase,
  content: Uint8Array,
  changes: string[],
): Chip {
  if (mtd) {
    if (core.mtdTarget === undefined) throw new TypeError('this core has no MTD driver');
    const target = core.mtdTarget(layout, eraseSize, content, (change) => changes.push(change));
    return { target, bytes: target.chip.bytes, wear: () => [] };
  }
  const target = core.memoryTarget(layout, {
    eraseSize,
    content,
    onOperation: ({ kind, block, offset, length }) => {
      if (kind === 'erase') changes.push(`erase ${block}`);
      if (kind === 'program') changes.push(`program ${offset}+${length}`);
    },
  });
  return { target, bytes: target.bytes, wear: () => target.chip.stats().wear };
}

/** Runs one case with a core. A refusal is a result; whatever else goes wrong is thrown. */
export async function runUpdate(
  core: CoreInUse,
  platform: Platform,
  update: UpdateCase,
  supply: Supply,
): Promise<UpdateResult> {
  const { eraseSize, policy, checkFirst, keys } = update;
  const changes: string[] = [];
  const { target, bytes, wear } = openChip(core, update, supply.content(), changes);
  const store = new core.KeyStore(
    await Promise.all(keys.map(([type, hashType]) => core.systemKey(platform, type, supply.pem(), hashType))),
  );
  const trust = (): Trust =>
    new core.OpenBmcTrust(platform, store, { machine: MACHINE }, { anyImages: true });
  const pump = async (take: (bytes: Uint8Array) => Promise<void>): Promise<void> => {
    supply.rewind();
    for (let bytes = await supply.next(); bytes !== null; bytes = await supply.next()) await take(bytes);
  };

  let expect: CheckResult | null = null;
  if (checkFirst) {
    const pass = new core.CheckPass({
      platform,
      target,
      trust: trust(),
      only: null,
      single: null,
      forecast: false,
      observer: {},
    });
    await pump((bytes) => pass.write(bytes));
    await pass.end();
    expect = await pass.result();
  }
  const session = new core.UpdateSession({ platform, target, trust: trust(), policy, expect });
  let receipt: Receipt;
  try {
    await pump((bytes) => session.write(bytes));
    receipt = await session.end();
  } catch (thrown) {
    receipt = await session.abort(thrown);
  }
  const { times: _times, memory: _memory, ...lasting } = receipt;
  // In pieces: a host that is handed a copy of the whole chip would hide what the core itself needs.
  const hasher = platform.hasher('sha256');
  for (let at = 0; at < bytes.length; at += eraseSize) hasher.update(bytes.subarray(at, at + eraseSize));
  await target.close();
  return {
    receipt: lasting,
    chip: [...hasher.digest()].map((byte) => byte.toString(16).padStart(2, '0')).join(''),
    wear: [...wear()],
    changes,
  };
}
