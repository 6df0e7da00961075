/**
 * Reports truthfully: whatever stops a session, and whenever, the receipt says what is on the flash, and nothing happens after it.
 *
 * | promised | shown by |
 * |---|---|
 * | a stop is between two operations, and the receipt is true | "${name}: a signal stops it before any operation, truthfully, and a second run finishes" |
 * |  | "a session can be aborted between any two writes; nothing is done after that" |
 * |  | "abort while a write is under way waits for the flash and lets nothing further begin" |
 * |  | "abort while the rest of a large write has further images begins none of them" |
 * |  | "abort before the first image is looked at leaves the flash alone" |
 * |  | "abort while the end is checking stops it before the gates open" |
 * |  | "a session without a byte, ended or aborted, has changed nothing" |
 * | calls out of order fail the session | "two writes of a single image at once fail the session too" |
 * |  | "two writes at once fail the session" |
 * |  | "an end while a write is under way fails the session" |
 * |  | "a write after the end is refused and changes nothing" |
 * |  | "two ends at once are one" |
 * | a failure is final and has its reason | "after a failure no operation begins, and neither end nor abort commits" |
 * |  | "what a caller gives to abort is the reason in the receipt, whatever it is" |
 * | progress is in order | "the phases are reported in their order" |
 *
 * More: `test/spec/reports-aliased-blocks.test.ts`.
 */
import t from 'tap';
import { SluiceError } from '../../src/core/errors.js';
import type { MemoryTarget } from '../../src/core/sim/index.js';
import { UnsignedTrust } from '../../src/core/trust/unsigned-trust.js';
import { UpdateSession } from '../../src/core/update/session.js';
import { MACHINE, makeBundle } from '../kit/bundle-maker.js';
import { HeldDevice, settle } from '../kit/held-device.js';
import {
  ERASE,
  nand,
  nor,
  oldContent,
  piecesAt,
  platform,
  pump,
  recorder,
  same,
  sessionOf,
  SMALL,
  through,
  update,
  written,
} from '../kit/update-kit.js';
import { DeviceWrapper } from '../kit/device-wrapper.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';

const images = { kernel: noise(3 * ERASE - 9, 1), rofs: noise(4 * ERASE + 1, 2), 'u-boot': noise(ERASE, 3) };
const bundle = makeBundle({ images, kind: 'proven' });
const proven = bundle.bytes;
const stock = makeBundle({ images, kind: 'stock' }).bytes;
const before = oldContent();
const after = written(before, SMALL, images);
const start = (member: string): number => bundle.places.get(member)?.start ?? 0;

const stopped = (): SluiceError => new SluiceError('ERR_SOURCE_HTTP', 'the connection was closed');

t.test('a session can be aborted between any two writes; nothing is done after that', async (t) => {
  const step = 1777;
  for (let at = 0; at <= proven.length; at += step) {
    const { changes, onOperation } = recorder();
    const target = nor({ onOperation });
    const session = sessionOf(target);
    for (let from = 0; from < at; from += step) await session.write(proven.subarray(from, from + step));
    const receipt = await session.abort(stopped());
    const count = changes.length;
    const state = same(target.bytes, before) ? 'untouched' : 'partial';
    t.match(receipt, { outcome: 'refused', code: 'ERR_SOURCE_HTTP', flash: state });
    t.equal(receipt.flash === 'untouched', count === 0);
    await t.rejects(session.write(proven.subarray(at, at + 1)), { code: 'ERR_SOURCE_HTTP' });
    t.equal(await session.end(), receipt, 'the end has the same receipt');
    await settle();
    t.equal(changes.length, count);
    t.equal((await update(target, proven)).receipt.outcome, 'committed', 'a second run finishes');
    sameBytes(t, target.bytes, after);
  }
});

t.test('abort while a write is under way waits for the flash and lets nothing further begin', async (t) => {
  const { changes, onOperation } = recorder();
  const target = nor({ onOperation });
  const device = new HeldDevice(target.chip);
  const session = sessionOf(through(target, device));
  // Up to the middle of kernel: its second block is under way.
  await session.write(proven.subarray(0, start('image-kernel')));
  device.hold();
  const write = session.write(proven.subarray(start('image-kernel')));
  await settle();
  t.equal(device.running, 1, 'it is in the middle of something');
  let done = false;
  const aborted = session.abort(stopped()).then((receipt) => {
    done = true;
    return receipt;
  });
  await settle();
  t.notOk(done, 'abort waits');
  device.letGo();
  t.match(await aborted, { outcome: 'refused', code: 'ERR_SOURCE_HTTP' });
  t.equal(device.running, 0);
  const count = changes.length;
  await t.rejects(write, { code: 'ERR_SOURCE_HTTP' });
  await settle();
  t.equal(changes.length, count);
  t.ok(count < 4, 'at most the block that was under way');
});

t.test('abort while the rest of a large write has further images begins none of them', async (t) => {
  const { changes, onOperation } = recorder();
  const target = nor({ onOperation });
  const device = new HeldDevice(target.chip);
  const session = sessionOf(through(target, device));
  device.hold();
  const write = session.write(proven);
  const failed = t.rejects(write, { code: 'ERR_SOURCE_HTTP' });
  await settle();
  t.equal(device.running, 1, 'it is looking for bad blocks, and no image is there yet');
  const aborted = session.abort(stopped());
  device.letGo();
  t.match(await aborted, { code: 'ERR_SOURCE_HTTP', flash: 'untouched' });
  t.equal(device.running, 0, 'the flash is at rest when abort resolves');
  const { begun } = device;
  await failed;
  await settle();
  t.equal(device.begun, begun, 'and stays so');
  t.same(changes, []);
  t.equal(device.running, 0);
});

t.test('abort before the first image is looked at leaves the flash alone', async (t) => {
  const target = nor();
  const device = new HeldDevice(target.chip);
  const session = sessionOf(through(target, device));
  device.hold();
  const failed = t.rejects(session.write(proven), { code: 'ERR_SOURCE_HTTP' });
  // Nothing is held, so the flash was not even asked for its bad blocks.
  t.match(await session.abort(stopped()), { code: 'ERR_SOURCE_HTTP', flash: 'untouched' });
  await failed;
  t.equal(device.running, 0);
});

t.test('two writes of a single image at once fail the session too', async (t) => {
  const target = nor();
  const device = new HeldDevice(target.chip);
  const session = new UpdateSession({
    platform,
    trust: new UnsignedTrust({ machine: MACHINE }),
    policy: 'unsigned',
    target: through(target, device),
    single: { member: 'image-kernel', size: 2 * ERASE },
  });
  device.hold();
  const first = t.rejects(session.write(images.kernel.subarray(0, ERASE)), { code: 'ERR_SESSION_STATE' });
  await settle();
  const second = t.rejects(session.write(images.kernel.subarray(ERASE, 2 * ERASE)), {
    code: 'ERR_SESSION_STATE',
  });
  device.letGo();
  await Promise.all([first, second]);
  t.match(await session.end(), { outcome: 'failed', code: 'ERR_SESSION_STATE' });
});

t.test('two writes at once fail the session', async (t) => {
  const target = nor();
  const device = new HeldDevice(target.chip);
  const session = sessionOf(through(target, device));
  device.hold();
  const first = t.rejects(session.write(proven.subarray(0, -5000)), { code: 'ERR_SESSION_STATE' });
  await settle();
  const second = t.rejects(session.write(proven.subarray(-5000)), { code: 'ERR_SESSION_STATE' });
  device.letGo();
  await Promise.all([first, second]);
  t.match(await session.end(), { outcome: 'failed', code: 'ERR_SESSION_STATE', flash: 'untouched' });
  sameBytes(t, target.bytes, before);
});

t.test('an end while a write is under way fails the session', async (t) => {
  const target = nor();
  const session = sessionOf(target);
  const write = t.rejects(session.write(proven), { code: 'ERR_SESSION_STATE' });
  t.match(await session.end(), { outcome: 'failed', code: 'ERR_SESSION_STATE' });
  await write;
  t.notOk(same(target.bytes, after));
});

t.test('a write after the end is refused and changes nothing', async (t) => {
  const target = nor();
  const session = sessionOf(target);
  await session.write(proven);
  const receipt = await session.end();
  t.equal(receipt.outcome, 'committed');
  await t.rejects(session.write(proven), { code: 'ERR_SESSION_STATE' });
  t.equal(session.error, null, 'what is committed stays committed');
  t.equal(await session.end(), receipt, 'the end can be asked for again');
  t.equal(await session.abort(stopped()), receipt, 'it is too late to abort');
  sameBytes(t, target.bytes, after);
});

t.test('two ends at once are one', async (t) => {
  const target = nor();
  const session = sessionOf(target);
  await session.write(proven);
  const [one, two] = await Promise.all([session.end(), session.end()]);
  t.equal(one, two);
  t.equal(one.outcome, 'committed');
});

t.test('abort while the end is checking stops it before the gates open', async (t) => {
  const target = nor();
  const device = new HeldDevice(target.chip);
  const session = sessionOf(through(target, device));
  await session.write(proven);
  device.hold();
  const ending = session.end();
  await settle();
  t.equal(device.running, 1, 'it is reading everything once more');
  const aborted = session.abort(stopped());
  device.letGo();
  const receipt = await ending;
  t.equal(await aborted, receipt);
  t.match(receipt, { outcome: 'refused', code: 'ERR_SOURCE_HTTP', flash: 'partial' });
  t.equal(session.error?.code, 'ERR_SOURCE_HTTP');
  t.ok(
    same(target.bytes.subarray(2 * ERASE, 3 * ERASE), before.subarray(2 * ERASE, 3 * ERASE)),
    'the old gate',
  );
});

t.test('a session without a byte, ended or aborted, has changed nothing', async (t) => {
  for (const policy of ['before-erase', 'before-commit'] as const) {
    const target = nor();
    t.match(await sessionOf(target, { policy }).end(), { code: 'ERR_SOURCE_TRUNCATED', flash: 'untouched' });
    t.match(await sessionOf(target, { policy }).abort(stopped()), {
      outcome: 'refused',
      code: 'ERR_SOURCE_HTTP',
      flash: 'untouched',
      partitions: {},
    });
    sameBytes(t, target.bytes, before);
  }
});

t.test('after a failure no operation begins, and neither end nor abort commits', async (t) => {
  const total = await operationsOf(proven);
  for (let nth = 1; nth <= total; nth++) {
    for (const last of ['end', 'abort'] as const) {
      const seen: string[] = [];
      let failedAt = 0;
      const target = nor({
        faults: [`cut:before:any:${nth}`],
        onOperation: ({ kind, outcome }) => {
          seen.push(kind);
          if (outcome === 'cut') failedAt = seen.length;
        },
      });
      const device = new CountingDevice(target.chip);
      const session = sessionOf(through(target, device));
      let thrown: unknown = null;
      try {
        for (const piece of piecesAt(proven, [start('image-rofs') + 5000])) await session.write(piece);
      } catch (error) {
        thrown = error;
      }
      const calls = device.calls;
      const receipt = await session[last](stopped());
      t.notOk(receipt.outcome === 'committed', `${nth} ${last}`);
      if (last === 'abort' && thrown === null) {
        t.equal(receipt.code, 'ERR_SOURCE_HTTP', 'the fault would have come later');
        continue;
      }
      t.equal(receipt.code, 'ERR_FLASH_POWER_CUT');
      if (thrown !== null)
        t.equal(device.calls, calls, 'nothing was even asked of the device after the failure');
      t.equal(failedAt, seen.length);
    }
  }
});

class CountingDevice extends DeviceWrapper {
  calls = 0;
  override read(...args: Parameters<DeviceWrapper['read']>): Promise<void> {
    this.calls++;
    return super.read(...args);
  }
  override erase(...args: Parameters<DeviceWrapper['erase']>): Promise<void> {
    this.calls++;
    return super.erase(...args);
  }
  override program(...args: Parameters<DeviceWrapper['program']>): Promise<void> {
    this.calls++;
    return super.program(...args);
  }
}

async function operationsOf(bytes: Uint8Array): Promise<number> {
  const target = nor();
  await update(target, bytes);
  const { erases, programs, reads } = target.chip.stats();
  return erases + programs + reads;
}

for (const [name, bytes, policy] of [
  ['before-erase', proven, 'before-erase'],
  ['before-commit', stock, 'before-commit'],
] as const) {
  t.test(
    `${name}: a signal stops it before any operation, truthfully, and a second run finishes`,
    async (t) => {
      for (const chip of [nor, nand]) {
        let operations = 0;
        const clean = chip({ onOperation: () => operations++ });
        t.equal((await update(clean, bytes, { policy })).receipt.outcome, 'committed');
        const total = operations;
        let committed = 0;
        for (let nth = 0; nth < total; nth++) {
          const signal = { aborted: nth === 0 };
          let done = 0;
          const { changes, onOperation } = recorder();
          const target: MemoryTarget = chip({
            onOperation: (operation) => {
              onOperation(operation);
              done++;
              if (done === nth) signal.aborted = true;
            },
          });
          let opening = false;
          const observer = { phase: (phase: string) => void (opening ||= phase === 'committing') };
          const { receipt, error } = await update(target, bytes, { policy, signal, observer });
          if (opening) {
            committed++;
            t.match(receipt, { outcome: 'committed', flash: 'complete' }, 'gates that open are all opened');
            sameBytes(t, target.bytes, after);
            continue;
          }
          t.equal(done, nth, 'no operation after it');
          t.match(error, { code: 'ERR_SESSION_INTERRUPTED', exit: 7 });
          t.match(receipt, { outcome: 'interrupted', flash: changes.length === 0 ? 'untouched' : 'partial' });
          const again = await update(target, bytes, { policy });
          t.equal(again.receipt.outcome, 'committed');
          if (!same(target.bytes, after)) t.fail(`stopped after ${nth}: another chip`);
        }
        t.ok(committed > 0 && committed < total / 2);
      }
    },
  );
}

t.test('what a caller gives to abort is the reason in the receipt, whatever it is', async (t) => {
  const session = sessionOf(nor());
  const error = Object.assign(new Error('read ECONNRESET'), { code: 'ECONNRESET' });
  const receipt = await session.abort(error);
  t.match(receipt, { outcome: 'failed', code: 'ERR_SESSION_INTERNAL', message: 'read ECONNRESET' });
  t.match(session.error, { errno: 'ECONNRESET', cause: error });
});

t.test('the phases are reported in their order', async (t) => {
  const phases: string[] = [];
  const observer = { phase: (phase: string) => void phases.push(phase) };
  await update(nor(), proven, { observer });
  t.same(phases, ['receiving', 'checking', 'proven', 'committing', 'done']);
  phases.length = 0;
  await pump(sessionOf(nor(), { observer }), [proven.subarray(0, 20_000)]);
  t.same(phases, ['receiving', 'failed']);
});
