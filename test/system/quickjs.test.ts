/**
 * The core is portable in fact: the same update gives the same receipt, the same chip and the same operations
 * under Node and in QuickJS, which has no Node, no web and no DOM about it.
 */
import { createHash } from 'node:crypto';
import t, { type Test } from 'tap';
import { nodePlatform } from '../../src/host/node/platform.js';
import * as core from '../kit/core-with-mtd.js';
import { bundleCore, bundleGuest, freeNames } from '../kit/core-bundle.js';
import { bundleBytes, generateBundle, imagePieces, PIECE, type ImageSpec } from '../kit/generated-bundle.js';
import { runUpdate, type Supply, type UpdateCase, type UpdateResult } from '../kit/portable-update.js';
import { Engine } from '../kit/quickjs.js';
import { rsaSigner } from '../kit/keys.js';

const KIB = 1024;

/**
 * Bytes; measured 141 kB (the journal is 8 of them, the simulated chip 25, next steps for remote clients 5, what is known and
 * refused before the first erase 3). An engine of
 * 2 MB on a board of 32 MiB flash has no room for a core that grows unnoticed.
 */
const CORE_CEILING = 144_000;

/**
 * Bytes of engine heap: code, objects and buffers of core and test, the chip itself aside. Measured: 768 KiB do,
 * for an image of 1.3 MB as well.
 */
const HEAP_CEILING = 1024 * KIB;

/** Small and with small erase blocks: an interpreter takes its time. Eight of them lie before the kernel. */
const ERASE = 4 * KIB;
const KERNEL = { offset: 32 * KIB, size: 96 * KIB };
const ROFS = { offset: 128 * KIB, size: 160 * KIB };
const LAYOUT: core.Layout = {
  name: 'portable',
  size: 320 * KIB,
  partitions: [
    { name: 'bmc', offset: 0, size: 320 * KIB },
    { name: 'kernel', ...KERNEL },
    { name: 'rofs', ...ROFS },
  ],
};

const kernel: ImageSpec = { name: 'kernel', size: 73_000, seed: 1, changed: [1] };
const rofs: ImageSpec = { name: 'rofs', size: 140_000, seed: 2 };
const images = [kernel, rofs];

/** Two keys, of which the first one did not sign; their hashes make a session of a stock bundle keep both. */
const KEYS = [
  ['Spare', 'RSA-SHA512'],
  ['OpenBMC', 'RSA-SHA256'],
] as const;

const bytesOf = (image: ImageSpec): Buffer =>
  Buffer.concat(Array.from(imagePieces(image), (piece) => Buffer.from(piece)));

/** The kernel's first version, of which one erase block differs; rofs half erased, half something else. */
function oldChip(): Uint8Array {
  const chip = new Uint8Array(LAYOUT.size).fill(0x5a);
  chip.set(bytesOf({ ...kernel, changed: [] }), KERNEL.offset);
  chip.fill(0xff, KERNEL.offset + kernel.size, KERNEL.offset + KERNEL.size);
  chip.fill(0xff, ROFS.offset, ROFS.offset + PIECE);
  return chip;
}

/** What the chip must hold in the end. */
function newChip(): Uint8Array {
  const chip = oldChip();
  for (const [image, { offset }] of [
    [kernel, KERNEL],
    [rofs, ROFS],
  ] as const) {
    chip.set(bytesOf(image), offset);
    chip.fill(0xff, offset + image.size, offset + Math.ceil(image.size / ERASE) * ERASE);
  }
  return chip;
}

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

/** Chunks that fit nothing: no tar record, no block. */
const CHUNK = 4999;

function supplyOf(bundle: Uint8Array): Supply {
  let at = 0;
  return {
    content: oldChip,
    pem: () => rsaSigner.pem,
    rewind: () => {
      at = 0;
    },
    next: async () => {
      const bytes = bundle.subarray(at, at + CHUNK);
      at += bytes.length;
      return bytes.length === 0 ? null : bytes;
    },
  };
}

const script = await bundleCore();
const guest = await bundleGuest('quickjs-guest');
const SCRIPTS = { 'core.js': script.code, 'guest.js': guest.code };

type Options = Pick<UpdateCase, 'policy' | 'checkFirst' | 'mtd'>;

/** Runs an update in both engines and asserts that they agree; returns what they agree on. */
async function inBoth(
  t: Test,
  bundle: Uint8Array,
  options: Options,
  scripts: Readonly<Record<string, string>> = SCRIPTS,
): Promise<UpdateResult> {
  const update: UpdateCase = { layout: LAYOUT, eraseSize: ERASE, keys: KEYS, ...options };
  const underNode = await runUpdate(core, await nodePlatform(), update, supplyOf(bundle));
  const engine = await Engine.start(scripts, HEAP_CEILING);
  try {
    const inQuickJs = await engine.update(update, supplyOf(bundle));
    t.strictSame(inQuickJs.receipt, underNode.receipt, 'the same receipt');
    t.strictSame(inQuickJs.changes, underNode.changes, 'the same erases and programs in the same order');
    t.strictSame(inQuickJs, underNode, 'the same chip and wear');
  } finally {
    engine.dispose();
  }
  return underNode;
}

t.test('the bundled core imports nothing and takes in only what is portable', async (t) => {
  t.strictSame(script.imports, []);
  t.ok(script.inputs.length > 30, 'it is the whole core');
  const foreign = script.inputs.filter((path) => !path.startsWith('src/core/'));
  t.strictSame(foreign, []);
  for (const word of [
    /\bnode:/,
    /\brequire\(['"`]/,
    /\bprocess\./,
    /\bBuffer\b/,
    /\bTextDecoder\b/,
    /\bsetTimeout\b/,
  ]) {
    t.notMatch(script.code, word);
  }
});

t.test('every global that the core names is one of a bare QuickJS', async (t) => {
  const names = freeNames(script.code);
  t.ok(names.has('Uint8Array') && names.has('Promise'), 'names are found');
  t.ok(freeNames('const a = { Buffer: 1 }; Buffer.from(a.b);').has('Buffer'), 'a foreign one would be found');
  const engine = await Engine.start({});
  t.teardown(() => engine.dispose());
  const missing = [...names].filter((name) => engine.evaluate(`'${name}' in globalThis`) !== true);
  t.strictSame(missing, []);
});

t.test('the core stays small', async (t) => {
  const { code } = await bundleCore({ minify: true });
  const size = Buffer.byteLength(code);
  t.ok(size <= CORE_CEILING, `${size} of ${CORE_CEILING} bytes`);
});

t.test('a proven bundle is written in one pass', async (t) => {
  const bundle = bundleBytes(generateBundle({ images }));
  const { receipt, chip } = await inBoth(t, bundle, { policy: 'before-erase', checkFirst: false });
  t.match(receipt, { outcome: 'committed', code: null, flash: 'complete' });
  t.match(receipt.trust, { by: 'index', key: 'OpenBMC' });
  t.match(receipt.partitions, {
    kernel: { blocks: 18, skipped: 17, erased: 1, programmed: 1, held: 0, bytes: kernel.size },
    rofs: { blocks: 35, erased: 19, programmed: 19, programmedWithoutErase: 16, held: 1, readBack: 35 },
  });
  t.equal(chip, sha256(newChip()));
});

t.test('the MTD driver of the core writes a bundle, on a kernel that the engine brings', async (t) => {
  const { code, imports } = await bundleCore({ mtd: true });
  t.strictSame(imports, []);
  const bundle = bundleBytes(generateBundle({ images }));
  const options = { policy: 'before-erase', checkFirst: false, mtd: true } as const;
  const { receipt, chip, changes } = await inBoth(t, bundle, options, { ...SCRIPTS, 'core.js': code });
  t.match(receipt, { outcome: 'committed', code: null, flash: 'complete' });
  t.match(receipt.partitions, { kernel: { erased: 1, programmed: 1 }, rofs: { erased: 19, held: 1 } });
  t.equal(chip, sha256(newChip()));
  const erases = changes.filter((change) => change.startsWith('erase '));
  t.equal(erases.length, 20, 'each changed block once');
  t.equal(erases[0], `erase ${KERNEL.offset + ERASE * 16}+${ERASE}`);
});

t.test('a stock bundle is checked first, then written', async (t) => {
  const bundle = bundleBytes(generateBundle({ images, kind: 'stock' }));
  const { receipt, chip } = await inBoth(t, bundle, { policy: 'before-erase', checkFirst: true });
  t.match(receipt, { outcome: 'committed', trust: { by: 'check-pass', key: 'OpenBMC' } });
  t.equal(chip, sha256(newChip()));
});

t.test('a stock bundle is written before its signatures come, behind a shut gate', async (t) => {
  const bundle = bundleBytes(generateBundle({ images, kind: 'stock' }));
  const { receipt, chip, changes } = await inBoth(t, bundle, { policy: 'before-commit', checkFirst: false });
  t.match(receipt, { outcome: 'committed', trust: { by: 'signature', key: 'OpenBMC' } });
  t.equal(chip, sha256(newChip()));
  const gate = KERNEL.offset / ERASE;
  t.equal(changes[0], `erase ${gate}`, 'the gate is shut before anything else is changed');
});

t.test('a flipped bit is refused at its block, in both engines at the same place', async (t) => {
  const bundle = bundleBytes(generateBundle({ images }));
  const second = bundle.indexOf(bytesOf(rofs).subarray(PIECE, PIECE + 64));
  t.ok(second > 0);
  bundle.writeUInt8(bundle.readUInt8(second + 1000) ^ 0x10, second + 1000);
  const { receipt, chip } = await inBoth(t, bundle, { policy: 'before-erase', checkFirst: false });
  t.match(receipt, { outcome: 'refused', code: 'ERR_TRUST_BLOCK', flash: 'partial' });
  const expected = oldChip();
  expected.set(newChip().subarray(KERNEL.offset, ROFS.offset), KERNEL.offset);
  expected.set(bytesOf(rofs).subarray(ERASE, PIECE), ROFS.offset + ERASE);
  t.equal(chip, sha256(expected), 'what came before it is in flash, but for the held block');
});

t.test('under before-commit a flipped bit leaves the gate erased, in both engines', async (t) => {
  const bundle = bundleBytes(generateBundle({ images, kind: 'stock' }));
  const at = bundle.indexOf(bytesOf(kernel).subarray(PIECE, PIECE + 64)) + 1000;
  bundle.writeUInt8(bundle.readUInt8(at) ^ 1, at);
  const { receipt, changes } = await inBoth(t, bundle, { policy: 'before-commit', checkFirst: false });
  t.match(receipt, { outcome: 'refused', code: 'ERR_TRUST_SIGNATURE', flash: 'partial' });
  const gate = KERNEL.offset / ERASE;
  t.ok(changes.includes(`erase ${gate}`));
  t.notOk(changes.some((change) => change.startsWith(`program ${KERNEL.offset}+`)));
});
