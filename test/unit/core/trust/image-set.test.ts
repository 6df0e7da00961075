/** Which images a bundle without BLOCKS can have, so that image-full.sig binds each name to its bytes. */
import t from 'tap';
import { imagesBeside, requireKnownSet, requireWholeChip } from '../../../../src/core/trust/image-set.js';

const set = (...names: string[]) => new Map(names.map((name) => [`image-${name}`, null]));

t.test('the images of a whole board are accepted, with those of the host or without', (t) => {
  const accepted = [
    ['kernel', 'rofs', 'rwfs', 'u-boot'],
    ['rwfs', 'u-boot', 'kernel', 'rofs', 'hostfw'],
    ['bmc'],
  ];
  for (const names of accepted) t.doesNotThrow(() => requireKnownSet(set(...names)), names.join());
  t.equal(new Set(accepted.map(({ length }) => length)).size, accepted.length, 'no two of the same size');
  t.end();
});

t.test('every other set is refused', (t) => {
  const refused = [
    [],
    ['kernel'],
    ['hostfw'],
    ['bmc', 'hostfw'],
    ['kernel', 'rofs'],
    ['bmc', 'rofs', 'rwfs', 'u-boot'],
    ['hostfw', 'kernel', 'rofs', 'rwfs'],
    ['bmc', 'hostfw', 'kernel', 'rofs', 'rwfs', 'u-boot'],
    ['kernel', 'rofs', 'rwfs', 'u-boot', 'other'],
  ];
  for (const names of refused)
    t.throws(() => requireKnownSet(set(...names)), { code: 'ERR_TRUST_PLACE' }, names.join());
  t.end();
});

t.test('the image of the whole chip has its size', (t) => {
  const short = { code: 'ERR_TRUST_PLACE', member: 'image-bmc' };
  t.throws(() => requireWholeChip('image-bmc', 4095, 4096), short);
  t.doesNotThrow(() => requireWholeChip('image-bmc', 4097, 4096), 'too large for the flash, which says so');
  t.doesNotThrow(() => requireWholeChip('image-bmc', 4096, 4096));
  t.doesNotThrow(() => requireWholeChip('image-bmc', null, 4096), 'asked again when the size is known');
  t.doesNotThrow(() => requireWholeChip('image-bmc', 4095, null), 'no flash at hand');
  t.doesNotThrow(() => requireWholeChip('image-kernel', 4095, 4096));
  t.end();
});

t.test('which images may come beside the first one', (t) => {
  const parts = ['image-kernel', 'image-rofs', 'image-rwfs', 'image-u-boot'];
  t.same(imagesBeside('image-bmc'), ['image-bmc']);
  for (const part of parts) t.same(imagesBeside(part), [...parts, 'image-hostfw']);
  t.same(imagesBeside('image-other'), [...parts, 'image-bmc', 'image-hostfw']);
  t.end();
});
