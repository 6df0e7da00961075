/** Which of several errors a session ends in. */
import t from 'tap';
import { SluiceError } from '../../../../src/core/errors.js';
import { makeBundle } from '../../../kit/bundle-maker.js';
import { ERASE, nor, sessionOf, through } from '../../../kit/update-kit.js';
import { DeviceWrapper } from '../../../kit/device-wrapper.js';
import { noise } from '../../../kit/noise.js';

const proven = makeBundle({ images: { kernel: noise(2 * ERASE, 1) }, kind: 'proven' }).bytes;
const asked = (): SluiceError => new SluiceError('ERR_SOURCE_TRUNCATED', 'the sender has gone');

t.test('after an abort every write tells why', async (t) => {
  const session = sessionOf(nor());
  await session.write(proven.subarray(0, 100));
  const reason = asked();
  t.match(await session.abort(reason), { code: 'ERR_SOURCE_TRUNCATED', flash: 'untouched' });
  await t.rejects(session.write(proven.subarray(100)), { code: 'ERR_SOURCE_TRUNCATED' });
  t.match(session.error, { message: reason.message, flash: 'untouched' });
  t.equal(reason.flash, null, 'the error of the source stays as it was made');
});

t.test('after an end a write is a misuse', async (t) => {
  const session = sessionOf(nor());
  await session.write(proven);
  t.equal((await session.end()).outcome, 'committed');
  await t.rejects(session.write(proven), { code: 'ERR_SESSION_STATE' });
  t.equal(session.error, null);
});

t.test('after an end that failed every write fails the same', async (t) => {
  const session = sessionOf(nor());
  await session.write(proven.subarray(0, 100));
  t.match(await session.prove(), { outcome: 'refused', code: 'ERR_SOURCE_TRUNCATED' });
  await t.rejects(session.write(proven.subarray(100)), session.error as SluiceError);
  t.match(session.error, { code: 'ERR_SOURCE_TRUNCATED', flash: 'untouched' });
});

t.test('an abort while it ends is the reason, unless something else went wrong', async (t) => {
  for (const [fails, code] of [
    [true, 'ERR_FLASH_TIMEOUT'],
    [false, 'ERR_SOURCE_TRUNCATED'],
  ] as const) {
    let ending = false;
    class Stopping extends DeviceWrapper {
      override read(...args: Parameters<DeviceWrapper['read']>): Promise<void> {
        if (!ending) return super.read(...args);
        // The last look before the gates open.
        void session.abort(asked());
        if (fails) throw new SluiceError('ERR_FLASH_TIMEOUT', 'no answer');
        return super.read(...args);
      }
    }
    const chip = nor();
    const session = sessionOf(through(chip, new Stopping(chip.chip)));
    await session.write(proven);
    ending = true;
    t.match(await session.end(), { code, flash: 'partial' });
    t.match(session.error, { code, flash: 'partial' });
  }
});
