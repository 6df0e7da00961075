/**
 * Bad blocks: a NAND whose controller or supply fails must not have its good blocks marked bad, one after the other.
 *
 * | promised | shown by |
 * |---|---|
 * | failures in a row are not the blocks' fault | "a fourth block that fails in a row is not marked bad, and the message names the likely cause" |
 * | failures apart are | "blocks that fail with good ones between them are all replaced" |
 */
import t from 'tap';
import { SluiceError } from '../../src/core/errors.js';
import type { FlashDevice } from '../../src/core/flash/device.js';
import { makeBundle } from '../kit/bundle-maker.js';
import { ERASE, nand, through, update } from '../kit/update-kit.js';
import { DeviceWrapper } from '../kit/device-wrapper.js';
import { noise } from '../kit/noise.js';

/** Programs fail from the `from`-th on, `times` of them. */
class Failing extends DeviceWrapper {
  readonly marked: number[] = [];
  #calls = 0;

  constructor(
    inner: FlashDevice,
    readonly from: number,
    readonly times: number,
  ) {
    super(inner);
  }

  override program: FlashDevice['program'] = async (offset, bytes, options) => {
    const call = this.#calls++;
    if (call >= this.from && call < this.from + this.times) {
      throw new SluiceError('ERR_FLASH_PROGRAM', `program at ${offset}: no answer`);
    }
    return this.inner.program(offset, bytes, options);
  };

  override markBad: FlashDevice['markBad'] = (block) => {
    this.marked.push(block);
    return this.inner.markBad(block);
  };
}

const images = { rofs: noise(2 * ERASE, 1) };
const bytes = makeBundle({ images, kind: 'proven' }).bytes;
const ATTEMPTS = 3;

t.test(
  'a fourth block that fails in a row is not marked bad, and the message names the likely cause',
  async (t) => {
    const chip = nand();
    const device = new Failing(chip.chip, 0, Number.POSITIVE_INFINITY);
    const { receipt, error } = await update(through(chip, device), bytes, { only: ['rofs'] });
    t.match(error, { code: 'ERR_FLASH_PROGRAM', message: /the controller or the supply/, exit: 5 });
    t.equal(receipt.outcome, 'failed');
    t.equal(device.marked.length, 3);
    t.equal(receipt.partitions['rofs']?.bad, 3);
  },
);

t.test('blocks that fail with good ones between them are all replaced', async (t) => {
  const chip = nand();
  const device = new Failing(chip.chip, 0, 2 * ATTEMPTS);
  const { receipt } = await update(through(chip, device), bytes, { only: ['rofs'] });
  t.equal(receipt.outcome, 'committed');
  t.equal(device.marked.length, 2);
});
