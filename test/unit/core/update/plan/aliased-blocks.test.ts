import t from 'tap';
import type { FlashType, Partition } from '../../../../../src/core/flash/device.js';
import { AliasedBlocks } from '../../../../../src/core/update/plan/aliased-blocks.js';
import { ERASE, nor } from '../../../../kit/update-kit.js';
import { DeviceWrapper } from '../../../../kit/device-wrapper.js';

const MIB = 1024 * 1024;
/** What three bytes of an address reach. */
const SPAN = 16 * MIB;

/** A partition that is a device by itself and begins at `offset` of a chip. */
function alone(name: string, chip: string, offset: number, more: Partial<Partition> = {}): Partition {
  const device = new DeviceWrapper(nor().chip);
  return { name, device, offset: 0, size: 4 * MIB, place: { chip, offset }, ...more };
}

/** A partition of a device of 64 MiB that is the chip. */
function onChipOf(type: FlashType): Partition {
  const geometry = { type, size: 64 * MIB, eraseSize: ERASE, writeSize: 1 };
  const device = Object.assign(new DeviceWrapper(nor().chip), { geometry });
  return { name: 'data', device, offset: 8 * MIB, size: 56 * MIB };
}

t.test('where nothing was changed it meets nothing', (t) => {
  const { partitions } = nor();
  for (const partition of partitions.values())
    t.equal(new AliasedBlocks().mayAffect(partition, partition.offset), false);
  t.end();
});

t.test('a block is met in every partition that it lies in, and only there', (t) => {
  const { partitions } = nor();
  const [bmc, kernel, rofs] = ['bmc', 'kernel', 'rofs'].map((name) => partitions.get(name)) as [
    Partition,
    Partition,
    Partition,
  ];
  const changed = new AliasedBlocks();
  changed.add(kernel, 3 * ERASE);
  changed.add(rofs, 6 * ERASE);
  for (let block = 0; block < 16; block++)
    t.equal(changed.mayAffect(bmc, block * ERASE), block === 3 || block === 6, `block ${block}`);
  t.equal(changed.mayAffect(kernel, 3 * ERASE), true);
  t.equal(changed.mayAffect(kernel, 2 * ERASE), false);
  t.end();
});

t.test('chips are told apart', (t) => {
  const [one, other] = [alone('kernel', 'mtd0', 2 * MIB), alone('alt-kernel', 'mtd7', 2 * MIB)];
  const changed = new AliasedBlocks();
  changed.add(one, ERASE);
  t.equal(changed.mayAffect(one, ERASE), true);
  t.equal(changed.mayAffect(other, ERASE), false);
  t.equal(
    changed.mayAffect(alone('bmc', 'mtd0', 0), 2 * MIB + ERASE),
    true,
    'the same flash under another name',
  );
  changed.add(other, 5 * ERASE);
  t.equal(changed.mayAffect(other, 5 * ERASE), true);
  t.equal(changed.mayAffect(one, 5 * ERASE), false);
  t.end();
});

t.test('where it is not known which chip a partition lies on, each of them may be changed', (t) => {
  const perhaps = [{ chip: 'mtd7', offset: MIB }];
  const [sure, unsure] = [alone('alt', 'mtd7', MIB), alone('kernel', 'mtd0', 0, { possiblePlaces: perhaps })];
  const changed = new AliasedBlocks();
  changed.add(unsure, ERASE);
  t.equal(changed.mayAffect(sure, ERASE), true);
  t.equal(changed.mayAffect(sure, 0), false);
  t.equal(changed.mayAffect(alone('bmc', 'mtd0', 0), ERASE), true);
  const other = new AliasedBlocks();
  other.add(sure, ERASE);
  t.equal(other.mayAffect(unsure, ERASE), true, 'one of its chips is enough');
  t.equal(other.mayAffect(unsure, 0), false);
  t.end();
});

t.test('on NOR addresses of three bytes may wrap, on other flash they do not', (t) => {
  for (const type of ['nor', 'nand'] as const) {
    const data = onChipOf(type);
    const changed = new AliasedBlocks();
    const at = 10 * MIB + ERASE;
    changed.add(data, at);
    for (const offset of [at + SPAN, at + 2 * SPAN])
      t.equal(changed.mayAffect(data, offset), type === 'nor', `${type} ${offset}`);
    t.equal(changed.mayAffect(data, at), true);
    for (const off of [ERASE, MIB, SPAN - ERASE, SPAN + ERASE, SPAN + MIB])
      t.equal(changed.mayAffect(data, at + off), false, `${type} ${off} further`);
    const back = new AliasedBlocks();
    back.add(data, at + SPAN);
    t.equal(back.mayAffect(data, at), type === 'nor', 'nor the other way');
  }
  t.end();
});
