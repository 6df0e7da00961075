import t from 'tap';
import type { EccStats, FlashDevice, Geometry, Match } from '../../../../../src/core/flash/device.js';
import { BlockWriter, type BlockEvents } from '../../../../../src/core/update/write/block-writer.js';
import {
  ERASE,
  erased,
  layoutOf,
  nand,
  nor,
  platform,
  recorder,
  type ChipSetup,
} from '../../../../kit/update-kit.js';
import { DeviceWrapper } from '../../../../kit/device-wrapper.js';
import { sameBytes } from '../../../../kit/same-bytes.js';
import { noise } from '../../../../kit/noise.js';

const BLOCK = 2;
const filled = (value: number, length = ERASE): Uint8Array => new Uint8Array(length).fill(value);

/** A device that counts what it is asked, and whose ECC fails as often as a test wants. */
class Watched extends DeviceWrapper {
  /** Bytes of each read. */
  readonly reads: number[] = [];
  /** How often it was asked for its ECC counts. */
  asked = 0;
  failed = 0;
  /** How many of the next reads ECC cannot mend. */
  unmended = 0;

  override async read(offset: number, into: Uint8Array): Promise<void> {
    this.reads.push(into.length);
    if (this.unmended > 0) {
      this.unmended--;
      this.failed++;
    }
    await super.read(offset, into);
  }
  override async eccStats(): Promise<EccStats> {
    this.asked++;
    return { corrected: 0, failed: this.failed };
  }
}

/** A device that takes new content in one step, as UBI does. */
class Replacing extends DeviceWrapper {
  readonly replaced: number[] = [];
  /** How many of the next ones leave something else. */
  wrong = 0;

  override async replace(block: number, bytes: Uint8Array): Promise<void> {
    this.replaced.push(block);
    await this.inner.erase(block);
    await this.inner.program(block * ERASE, this.wrong-- > 0 ? filled(0) : bytes);
  }
}

/** One that compares by itself, and says what it was told to. */
class Comparing extends DeviceWrapper {
  readonly offsets: number[] = [];

  constructor(
    inner: FlashDevice,
    readonly match: Match,
  ) {
    super(inner);
  }
  override async compare(offset: number): Promise<Match> {
    this.offsets.push(offset);
    return this.match;
  }
}

/** Allows every change and listens to nothing. */
const allowing: BlockEvents = { beforeChange: () => Promise.resolve() };

const writerOf = (device: FlashDevice, events = allowing): BlockWriter =>
  new BlockWriter(device, platform, events, {});

/** A chip of four blocks, and what is done to it: `E` erase, `P offset length` program, by block. */
function chipOf(
  geometry: Pick<Geometry, 'eraseSize' | 'writeSize'>,
  setup: ChipSetup & { type: 'nor' | 'nand' },
) {
  const { changes, onOperation } = recorder();
  const layout = layoutOf({ kernel: 3, rofs: 1 }, geometry.eraseSize);
  const { chip, bytes } = nor({ ...setup, ...geometry, layout, onOperation });
  const { eraseSize } = geometry;
  return {
    chip,
    block: bytes.subarray(BLOCK * eraseSize, (BLOCK + 1) * eraseSize),
    operations: (): string[] =>
      changes.map(({ kind, offset, length }) =>
        kind === 'erase' ? 'E' : `P ${offset - BLOCK * eraseSize} ${length}`,
      ),
  };
}

function teller(): { said: string[]; events: BlockEvents } {
  const said: string[] = [];
  const events = {
    beforeChange: async (block: number) => void said.push(`about ${block}`),
    changing: (block: number) => void said.push(`touched ${block}`),
    erased: (block: number) => void said.push(`erased ${block}`),
    programmed: (block: number, without: boolean) => void said.push(`programmed ${block} ${without}`),
    readBack: (block: number) => void said.push(`read back ${block}`),
    retried: (block: number) => void said.push(`retried ${block}`),
  };
  return { said, events };
}

t.test('a block is blank when each of its bytes reads erased', async (t) => {
  for (const type of ['nor', 'nand'] as const) {
    const { chip, block } = chipOf({ eraseSize: 64 * 1024, writeSize: type === 'nor' ? 1 : 512 }, { type });
    const writer = writerOf(chip);
    t.equal(await writer.isBlank(BLOCK), false, 'old content');
    block.fill(0xff);
    t.equal(await writer.isBlank(BLOCK), true, type);
    for (const at of [0, 1, 16_383, 16_384, 40_000, 65_535]) {
      block[at] = 0x7f;
      t.equal(await writer.isBlank(BLOCK), false, `${type}, byte ${at}`);
      block[at] = 0xff;
    }
  }
});

t.test('a block is not blank when ECC could not mend what was read of it', async (t) => {
  const target = nand();
  target.bytes.fill(0xff);
  const device = new Watched(target.chip);
  device.failed = 4;
  const writer = writerOf(device);
  t.equal(await writer.isBlank(BLOCK), true, 'what has failed before says nothing of it');
  device.unmended = 1;
  t.equal(await writer.isBlank(BLOCK), false);
  t.equal(await writer.isBlank(BLOCK), true, 'it counts once');
  const fresh = new Watched(target.chip);
  fresh.unmended = 1;
  t.equal(await writerOf(fresh).isBlank(BLOCK), false, 'also in the first look of all');
});

t.test('content is not the same when ECC could not mend what was read of it', async (t) => {
  const target = nand();
  const want = target.bytes.slice(BLOCK * ERASE, (BLOCK + 1) * ERASE);
  const device = new Watched(target.chip);
  device.failed = 4;
  const writer = writerOf(device);
  t.equal(await writer.requiredChange(BLOCK, want), 'none', 'what has failed before says nothing of it');
  device.unmended = 1;
  t.equal(await writer.requiredChange(BLOCK, want), 'erase');
  t.equal(await writer.requiredChange(BLOCK, want), 'none', 'it counts once');
  device.unmended = 1;
  await writer.read(BLOCK, new Uint8Array(ERASE));
  t.equal(
    await writer.requiredChange(BLOCK, want),
    'none',
    'a plain read before it has nothing to do with it',
  );
  const fresh = new Watched(target.chip);
  fresh.unmended = 1;
  t.equal(await writerOf(fresh).requiredChange(BLOCK, want), 'erase', 'also in the first look of all');
});

t.test('NAND is asked for its ECC counts once a look, NOR never', async (t) => {
  const content = filled(0xff, nand().bytes.length);
  const onNand = new Watched(nand({ content }).chip);
  const writer = writerOf(onNand);
  const asked: number[] = [];
  for (let look = 0; look < 3; look++) {
    await writer.requiredChange(BLOCK, filled(0xff));
    asked.push(onNand.asked);
    await writer.isBlank(BLOCK);
    asked.push(onNand.asked);
  }
  t.same(asked, [2, 3, 4, 5, 6, 7], 'before the first one too');
  const onNor = new Watched(nor({ content }).chip);
  t.equal(await writerOf(onNor).requiredChange(BLOCK, filled(0xff)), 'none');
  t.equal(await writerOf(onNor).isBlank(BLOCK), true);
  t.equal(onNor.asked, 0);
});

t.test('a compare looks at as much as it takes, in parts of 16 KiB', async (t) => {
  const eraseSize = 40 * 1024;
  for (const [type, expected] of [
    ['nor', [16_384, 16_384, 8192]],
    ['nand', [16_384]],
  ] as const) {
    const { chip, block } = chipOf({ eraseSize, writeSize: type === 'nor' ? 1 : 512 }, { type });
    const device = new Watched(chip);
    const writer = writerOf(device);
    t.equal(await writer.requiredChange(BLOCK, block.slice()), 'none');
    t.same(
      device.reads.splice(0),
      [16_384, 16_384, 8192],
      `${type}: to the end of the block where it is right`,
    );
    const cleared = block.slice();
    block[5] = 0xff;
    cleared[5] = 0x0f;
    t.equal(await writer.requiredChange(BLOCK, cleared), type === 'nor' ? 'program' : 'erase');
    t.same(device.reads.splice(0), expected, `${type}: bits to be cleared in the first part`);
    block[6] = 0;
    cleared[6] = 1;
    t.equal(await writer.requiredChange(BLOCK, cleared), 'erase');
    t.same(device.reads, [16_384], `${type}: bits to be set in the first part`);
  }
});

t.test('a page that is larger than that is read at once, a block that is smaller too', async (t) => {
  for (const [eraseSize, writeSize, expected] of [
    [128 * 1024, 32 * 1024, [32_768, 32_768, 32_768, 32_768]],
    [2048, 512, [2048]],
  ] as const) {
    const { chip, block } = chipOf({ eraseSize, writeSize }, { type: 'nand' });
    const device = new Watched(chip);
    t.equal(await writerOf(device).requiredChange(BLOCK, block.slice()), 'none');
    t.same(device.reads, expected);
  }
});

t.test('only the pages that differ are programmed, also behind the first part of a block', async (t) => {
  const { chip, block, operations } = chipOf({ eraseSize: 40 * 1024, writeSize: 1 }, { type: 'nor' });
  block.fill(0xf0);
  const want = block.slice();
  for (const at of [3, 16_384, 20_000, 40_959]) want[at] = 0x30;
  const writer = writerOf(chip);
  t.equal(await writer.requiredChange(BLOCK, want), 'program');
  await writer.write(BLOCK, want, 'program');
  t.same(operations(), ['P 0 256', 'P 16384 256', 'P 19968 256', 'P 40704 256']);
  sameBytes(t, block, want);
});

t.test('erase blocks that are no whole number of NOR pages are programmed to their end', async (t) => {
  for (const [eraseSize, writeSize, expected] of [
    [64, 1, 'P 0 64'],
    [1000, 1, 'P 0 1000'],
    [384, 1, 'P 0 384'],
    [2112, 264, 'P 0 2112'],
    [1200, 24, 'P 0 1200'],
    [1024, 16, 'P 0 1024'],
  ] as const) {
    const { chip, block, operations } = chipOf({ eraseSize, writeSize }, { type: 'nor' });
    const want = noise(eraseSize, 6);
    await writerOf(chip).write(BLOCK, want, 'erase');
    t.same(operations(), ['E', expected]);
    sameBytes(t, block, want, `${eraseSize} bytes, written in units of ${writeSize}`);
  }
  const { chip, block, operations } = chipOf({ eraseSize: 1000, writeSize: 1 }, { type: 'nor' });
  block.fill(0xf0);
  const want = block.slice();
  want[999] = 0;
  await writerOf(chip).write(BLOCK, want, 'program');
  t.same(operations(), ['P 768 232'], 'bits of the last page alone');
  sameBytes(t, block, want);
});

t.test('no more is programmed without an erase than NOR can take, whatever a compare says', async (t) => {
  const onNor = nor().chip;
  t.equal(await writerOf(new Comparing(onNor, 'clears')).requiredChange(BLOCK, filled(0)), 'program');
  t.equal(await writerOf(new Comparing(onNor, 'same')).requiredChange(BLOCK, filled(0)), 'none');
  const differing = new Comparing(onNor, 'differs');
  t.equal(await writerOf(differing).requiredChange(BLOCK, filled(0)), 'erase');
  t.same(differing.offsets, [BLOCK * ERASE], 'it is asked about the block');
  const { chip } = chipOf({ eraseSize: ERASE, writeSize: 1 }, { type: 'nand' });
  t.equal(await writerOf(new Comparing(chip, 'clears')).requiredChange(BLOCK, filled(0)), 'erase');
});

t.test('what is no failed read stops a compare on NAND too', async (t) => {
  const signal = { aborted: true };
  const writer = new BlockWriter(nand().chip, platform, allowing, { signal });
  await t.rejects(writer.requiredChange(BLOCK, filled(0)), { code: 'ERR_SESSION_INTERRUPTED' });
});

t.test('a device that replaces is told the new content in one step, which counts as two', async (t) => {
  const { changes, onOperation } = recorder();
  const target = nor({ onOperation });
  const device = new Replacing(target.chip);
  const { said, events } = teller();
  const writer = writerOf(device, events);
  const want = noise(ERASE, 4);
  const block = target.bytes.subarray(BLOCK * ERASE, (BLOCK + 1) * ERASE);
  await writer.write(BLOCK, want, 'erase');
  t.same(said.splice(0), ['about 2', 'touched 2', 'erased 2', 'programmed 2 false', 'read back 2']);
  sameBytes(t, block, want);
  await writer.write(BLOCK, filled(0xff), 'erase');
  t.same(said.splice(0), ['touched 2', 'erased 2', 'read back 2'], 'nothing is programmed for 0xFF');
  t.ok(erased(block));
  device.wrong = 1;
  await writer.fill(BLOCK, want);
  const once = ['touched 2', 'erased 2', 'programmed 2 false'];
  t.same(said, [...once, 'retried 2', ...once, 'read back 2']);
  t.same(device.replaced, [2, 2, 2, 2]);
  t.equal(changes.length, 8, 'nothing is done beside it');
  sameBytes(t, block, want);
});

t.test('a block is asked about once, whatever is done to it, and again after another one', async (t) => {
  const { said, events } = teller();
  const writer = writerOf(nor({ faults: ['fail:program:1'] }).chip, events);
  const abouts = (): string[] => said.splice(0).filter((text) => text.startsWith('about'));
  await writer.write(BLOCK, noise(ERASE, 4), 'erase');
  await writer.erase(BLOCK);
  await writer.fill(BLOCK, noise(ERASE, 4));
  t.same(abouts(), ['about 2']);
  await writer.erase(0);
  await writer.erase(BLOCK);
  t.same(abouts(), ['about 0', 'about 2']);
  for (let block = 0; block < 4; block++) {
    await writerOf(nor().chip, events).erase(block);
    t.same(abouts(), [`about ${block}`], 'the first of all');
  }
});

t.test('a change is refused by a rejection or by the signal', async (t) => {
  const { changes, onOperation } = recorder();
  const { chip } = nor({ onOperation });
  const touched: number[] = [];
  const signal = { aborted: false };
  const events = {
    beforeChange: () => Promise.reject(new Error('no')),
    changing: (block: number) => void touched.push(block),
  };
  await t.rejects(new BlockWriter(chip, platform, events, { signal }).erase(BLOCK), { message: 'no' });
  const late = { ...events, beforeChange: async () => void (signal.aborted = true) };
  const stopped = { code: 'ERR_SESSION_INTERRUPTED', block: BLOCK };
  await t.rejects(new BlockWriter(chip, platform, late, { signal }).erase(BLOCK), stopped);
  t.same([changes, touched], [[], []]);
});

t.test('nobody has to listen', async (t) => {
  const target = nor({ faults: ['fail:erase:1', 'fail:program:3'] });
  const block = target.bytes.subarray(BLOCK * ERASE, (BLOCK + 1) * ERASE);
  const writer = writerOf(target.chip);
  const want = noise(ERASE, 4);
  await writer.write(BLOCK, want, 'erase');
  await writer.write(BLOCK, filled(0), 'program');
  sameBytes(t, block, filled(0));
  await writer.erase(BLOCK);
  await writer.fill(BLOCK, want);
  sameBytes(t, block, want);
  await writerOf(new Replacing(target.chip)).write(BLOCK, filled(1), 'erase');
  sameBytes(t, block, filled(1));
});
