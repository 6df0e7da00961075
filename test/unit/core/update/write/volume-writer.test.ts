/** The writer of a volume that takes new content only as a whole, on one that notes what it is asked. */
import t from 'tap';
import { SluiceError, type ErrorCode } from '../../../../../src/core/errors.js';
import type { OperationOptions, Rewrite } from '../../../../../src/core/flash/device.js';
import type { Platform } from '../../../../../src/core/platform.js';
import { NO_CHANGE_LOG, type ChangeLog } from '../../../../../src/core/update/write/change-log.js';
import { emptyPartitionReceipt } from '../../../../../src/core/update/report/receipt.js';
import { VolumeWriter, type ForeseenImage } from '../../../../../src/core/update/write/volume-writer.js';
import { indexOf } from '../../../../kit/bundle-maker.js';
import { nor, padded, platform } from '../../../../kit/update-kit.js';
import { DeviceWrapper } from '../../../../kit/device-wrapper.js';
import { sameBytes } from '../../../../kit/same-bytes.js';
import { noise } from '../../../../kit/noise.js';

const BLOCK = 4096;
const image = noise(2 * BLOCK + 70, 1);
const index = indexOf('image-rofs', image, BLOCK);
const seen: ForeseenImage = { size: image.length, index };
const blind: ForeseenImage = { size: image.length, index: null };

/** A volume in memory. */
class Volume implements Rewrite {
  readonly calls: string[] = [];
  /** The signal that came with each call. */
  readonly signals: unknown[] = [];
  /** What the next call of a name throws. */
  readonly failing = new Map<string, ErrorCode>();
  bytes: Uint8Array = new Uint8Array();
  #wanted: number | null = null;

  constructor(content: Uint8Array = new Uint8Array()) {
    this.bytes = content.slice();
  }

  #call(name: string, number: number, options: OperationOptions = {}): void {
    this.calls.push(`${name} ${number}`);
    this.signals.push(options.signal);
    const code = this.failing.get(name);
    this.failing.delete(name);
    if (code !== undefined) throw new SluiceError(code, name);
  }

  async length(): Promise<number | null> {
    return this.#wanted === null ? this.bytes.length : null;
  }
  async begin(length: number, options?: OperationOptions): Promise<void> {
    this.#call('begin', length, options);
    this.#wanted = length;
    this.bytes = new Uint8Array();
  }
  async append(bytes: Uint8Array, options?: OperationOptions): Promise<void> {
    this.#call('append', bytes.length, options);
    this.bytes = new Uint8Array([...this.bytes, ...bytes]);
    if (this.bytes.length === this.#wanted) this.#wanted = null;
  }
  async read(offset: number, into: Uint8Array, options?: OperationOptions): Promise<void> {
    this.#call('read', offset, options);
    into.fill(0xff).set(this.bytes.subarray(offset, offset + into.length));
  }
}

/** The device that such a volume is. */
class VolumeDevice extends DeviceWrapper {
  override readonly geometry = { type: 'ubi', size: 4 * BLOCK, eraseSize: BLOCK, writeSize: 1 } as const;

  constructor(override readonly rewrite: Volume) {
    super(nor().chip);
  }
  override read(...args: Parameters<DeviceWrapper['read']>): Promise<void> {
    return this.rewrite.read(...args);
  }
}

interface Setup {
  readonly content?: Uint8Array;
  readonly foreseen?: ForeseenImage;
  readonly signal?: { aborted: boolean };
  readonly on?: Platform;
  readonly failing?: readonly [call: string, code: ErrorCode];
}

async function open({ content, foreseen = seen, signal, on = platform, failing }: Setup = {}) {
  const volume = new Volume(content);
  if (failing !== undefined) volume.failing.set(...failing);
  const partition = { name: 'rofs', device: new VolumeDevice(volume), offset: 0, size: 4 * BLOCK };
  const drawn: string[] = [];
  const touched: unknown[] = [];
  const changeLog: ChangeLog = {
    ...NO_CHANGE_LOG,
    beforeChange: async (...args: unknown[]) => void touched.push([...args.slice(1), volume.calls.length]),
  };
  const observer = {
    block: (name: string, block: number, state: string) => void drawn.push(`${name} ${block} ${state}`),
  };
  const aboutToChange = (): Promise<void> => Promise.resolve();
  const options = {
    platform: on,
    policy: 'before-erase',
    observer,
    changeLog,
    aboutToChange,
    signal,
  } as const;
  const writer = await VolumeWriter.open(partition, volume, foreseen, options);
  return { volume, writer, drawn, touched };
}

/** Puts the first blocks of an image, out of one buffer that is used again. */
async function put(writer: VolumeWriter, bytes = image, blocks = Infinity): Promise<void> {
  const whole = padded(bytes, BLOCK);
  const buffer = new Uint8Array(BLOCK);
  for (let k = 0; k < Math.min(blocks, whole.length / BLOCK); k++) {
    buffer.set(whole.subarray(k * BLOCK, (k + 1) * BLOCK));
    await writer.put(k, buffer, Math.min(BLOCK, bytes.length - k * BLOCK));
    buffer.fill(0xa5);
  }
}

t.test('new content is begun with its first block and ends with the gate', async (t) => {
  const { volume, writer, drawn, touched } = await open({ content: noise(9, 2) });
  t.same([writer.hasWritten, writer.willWrite, await writer.isUnreadable()], [false, false, false]);
  await put(writer);
  t.same(volume.calls, ['begin 8262', 'append 4096', 'append 4096']);
  t.same([writer.hasWritten, writer.willWrite, await writer.isUnreadable()], [true, true, true]);
  t.same(touched, [[0, [], 0]], 'the journal is told once and ahead of it');
  t.equal(await writer.openGate(), null);
  t.same(volume.calls.slice(3), ['append 70', 'read 0', 'read 4096', 'read 8192']);
  sameBytes(t, volume.bytes, image, 'the last block is as it was put, whatever came into the buffer later');
  t.same([writer.hasWritten, writer.willWrite, await writer.isUnreadable()], [true, true, false]);
  t.same(writer.receipt, {
    ...emptyPartitionReceipt(),
    blocks: 3,
    erased: 3,
    programmed: 3,
    readBack: 3,
    held: 1,
    bytes: image.length,
  });
  t.same(drawn, [
    'rofs 0 erased',
    'rofs 1 erased',
    'rofs 2 held',
    'rofs 2 erased',
    'rofs 0 written',
    'rofs 1 written',
    'rofs 2 written',
  ]);
  t.equal(await writer.openGate(), null);
  t.equal(volume.calls.length, 7, 'it opens once');
});

t.test('an image of one block is held and changes nothing until the gate opens', async (t) => {
  const one = noise(300, 3);
  const { volume, writer } = await open({ foreseen: { size: 300, index: null } });
  await put(writer, one);
  t.same([writer.hasWritten, writer.willWrite, volume.calls], [false, true, []]);
  await writer.openGate();
  t.same([writer.hasWritten, writer.willWrite], [true, true]);
  sameBytes(t, volume.bytes, one);
});

t.test('what holds the image already is left alone', async (t) => {
  const { volume, writer, drawn } = await open({ content: image });
  t.same(volume.calls, ['read 0', 'read 4096', 'read 8192']);
  await put(writer);
  t.same([writer.hasWritten, writer.willWrite], [false, false]);
  t.match(writer.receipt, { blocks: 3, skipped: 3, erased: 0, held: 0, bytes: image.length });
  t.same(drawn, ['rofs 0 unchanged', 'rofs 1 unchanged', 'rofs 2 unchanged']);
  t.equal(await writer.openGate(), null);
  t.equal(volume.calls.length, 3);
});

t.test('what differs in any byte, in length, or has no digests ahead is written anew', async (t) => {
  for (const at of [0, BLOCK, image.length - 1]) {
    const content = image.slice();
    content[at] = (content[at] as number) ^ 1;
    const { writer } = await open({ content });
    await put(writer);
    t.match(writer.receipt, { skipped: 0, erased: 2, held: 1 }, `byte ${at}`);
  }
  for (const content of [image.subarray(0, -1), new Uint8Array([...image, 0xff])]) {
    const { writer, volume } = await open({ content });
    t.same(volume.calls, [], 'its length says enough');
    await put(writer);
    t.equal(writer.receipt.skipped, 0);
  }
  const { writer, volume } = await open({ content: image, foreseen: blind });
  t.same(volume.calls, []);
  await put(writer);
  t.equal(writer.receipt.skipped, 0);
});

t.test('what cannot be read is written anew; where the system fails, nothing is', async (t) => {
  const { volume, writer } = await open({ content: image, failing: ['read', 'ERR_FLASH_READ'] });
  await put(writer);
  await writer.openGate();
  t.match(writer.receipt, { skipped: 0, erased: 3, readBack: 3 });
  sameBytes(t, volume.bytes, image);
  for (const code of ['ERR_FLASH_SYSTEM', 'ERR_FLASH_TIMEOUT'] as const)
    await t.rejects(open({ content: image, failing: ['read', code] }), { code });
});

t.test('a failed beginning has changed it, but for one that was not let in', async (t) => {
  for (const [code, changed] of [
    ['ERR_FLASH_ERASE', true],
    ['ERR_FLASH_SYSTEM', true],
    ['ERR_BUSY_FLASH', false],
    ['ERR_SESSION_INTERRUPTED', false],
  ] as const) {
    const { writer } = await open({ failing: ['begin', code] });
    await t.rejects(put(writer), { code });
    t.same([writer.hasWritten, writer.willWrite], [changed, changed], code);
  }
});

t.test('failures of the flash name partition and block, others stay as they are', async (t) => {
  const bad = await open({ failing: ['append', 'ERR_FLASH_PROGRAM'] });
  await t.rejects(put(bad.writer), { code: 'ERR_FLASH_PROGRAM', partition: 'rofs', block: 0 });
  t.match(bad.writer.receipt, { erased: 0, programmed: 0 });
  const last = await open();
  await put(last.writer);
  last.volume.failing.set('append', 'ERR_FLASH_PROGRAM');
  await t.rejects(last.writer.openGate(), { code: 'ERR_FLASH_PROGRAM', partition: 'rofs', block: 2 });
  t.equal(last.writer.willWrite, true);
  t.equal(last.volume.calls.at(-1), 'append 70', 'it is unreadable, so that nothing is to be shut');
  const other = await open({ failing: ['append', 'ERR_FLASH_SYSTEM'] });
  await t.rejects(put(other.writer), { code: 'ERR_FLASH_SYSTEM', partition: undefined, block: undefined });
});

t.test('what reads back wrong is begun anew; what was not let in is not', async (t) => {
  const wrong = await open();
  await put(wrong.writer);
  wrong.volume.bytes[BLOCK] = 1 ^ (wrong.volume.bytes[BLOCK] as number);
  await t.rejects(wrong.writer.openGate(), { code: 'ERR_FLASH_READ_BACK', partition: 'rofs', block: 1 });
  t.equal(wrong.volume.calls.at(-1), 'begin 8262');
  t.equal(await wrong.writer.isUnreadable(), true);
  const busy = await open({ foreseen: { size: 70, index: null }, failing: ['begin', 'ERR_BUSY_FLASH'] });
  await put(busy.writer, image.subarray(0, 70));
  await t.rejects(busy.writer.openGate(), { code: 'ERR_BUSY_FLASH' });
  t.same([busy.volume.calls, busy.writer.hasWritten], [['begin 70'], false]);
});

t.test('once its gate was open it does not answer for what comes later', async (t) => {
  const { volume, writer } = await open();
  await put(writer);
  await writer.openGate();
  await volume.begin(5);
  t.equal(await writer.isUnreadable(), false);
});

t.test('a signal goes to every operation but those that open the gate', async (t) => {
  const signal = { aborted: false };
  const { volume, writer } = await open({ content: new Uint8Array(image.length), signal });
  await put(writer);
  t.same(volume.calls, ['read 0', 'begin 8262', 'append 4096', 'append 4096']);
  t.ok(volume.signals.every((each) => each === signal));
  volume.signals.length = 0;
  await writer.openGate();
  t.same(volume.signals, [undefined, undefined, undefined, undefined]);
});

t.test('it counts the time of flash operations alone', async (t) => {
  let time = 100;
  let step = 0;
  const on = { ...platform, now: () => (time += step) };
  const { writer } = await open({ content: new Uint8Array(image.length), on });
  t.equal(writer.flashTime, 0);
  step = 5;
  await put(writer, image, 1);
  t.equal(writer.flashTime, 10, 'a begin and an append');
  time = 9000;
  await put(writer, image.subarray(0, 10), 1);
  t.equal(writer.flashTime, 15);
});

t.test('nothing of it can be looked at before its gate is open', async (t) => {
  const { writer, volume } = await open();
  await put(writer);
  const calls = volume.calls.length;
  t.same([...writer.changedOffsets()], []);
  t.equal(writer.digest(), null);
  await writer.recheck();
  await writer.clearBehind();
  t.equal(volume.calls.length, calls);
});

t.test('a writer of 2 GiB sets a few bytes a block aside, and no more', async (t) => {
  const before = process.memoryUsage().arrayBuffers;
  const { writer } = await open({ foreseen: { size: 2 ** 31, index: null } });
  const taken = process.memoryUsage().arrayBuffers - before;
  t.ok(taken <= (16 * 2 ** 31) / BLOCK, `${taken} bytes`);
  t.equal(writer.willWrite, false);
});
