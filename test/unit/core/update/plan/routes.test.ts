import t from 'tap';
import { Routes } from '../../../../../src/core/update/plan/routes.js';
import { ERASE, nor } from '../../../../kit/update-kit.js';

const routes = (plan: Routes, member: string, size: number | null, unit = ERASE): unknown =>
  plan.routes(member, size, unit).map(({ partition, offset, length }) => [partition.name, offset, length]);
const plan = (only: string[] | null = null): Routes => new Routes(nor(), only);

t.test('an image goes to the partition of its name, as a whole', (t) => {
  t.same(routes(plan(), 'image-kernel', 100), [['kernel', 0, 100]]);
  t.same(
    routes(plan(), 'image-bmc', 100),
    [['u-boot', 0, 100]],
    'the whole chip is cut, each part with its gate',
  );
  t.same(routes(plan(['rofs', 'kernel']), 'image-kernel', 4 * ERASE), [['kernel', 0, 4 * ERASE]]);
  t.same(routes(plan(), 'image-kernel', null), [['kernel', 0, null]], 'its size may not be known');
  t.end();
});

t.test('an image that nobody asked for goes nowhere, whether or not it has a place', (t) => {
  const only = plan(['kernel']);
  t.same(routes(only, 'image-rofs', 100), []);
  t.same(routes(only, 'image-hostfw', 100), []);
  t.throws(() => only.finish(), { code: 'ERR_BUNDLE_EMPTY', message: /kernel/ });
  t.same(routes(only, 'image-kernel', 100), [['kernel', 0, 100]]);
  t.doesNotThrow(() => only.finish());
  t.end();
});

t.test('image-bmc is cut along the partitions that were asked for', (t) => {
  const both = plan(['rofs', 'u-boot']);
  t.same(routes(both, 'image-bmc', 7 * ERASE + 5), [
    ['u-boot', 0, 2 * ERASE],
    ['rofs', 6 * ERASE, ERASE + 5],
  ]);
  t.doesNotThrow(() => both.finish());
  t.same(
    routes(plan(['bmc']), 'image-bmc', 100),
    [['u-boot', 0, 100]],
    'asked for as a whole it is all its parts',
  );
  const short = plan(['kernel', 'rofs']);
  t.same(routes(short, 'image-bmc', 6 * ERASE), [['kernel', 2 * ERASE, 4 * ERASE]]);
  t.throws(() => short.finish(), { code: 'ERR_BUNDLE_EMPTY', message: /rofs/ });
  t.throws(() => plan(['kernel']).routes('image-bmc', 9 * ERASE, 4 * ERASE), { code: 'ERR_BUNDLE_LAYOUT' });
  t.end();
});

t.test('what does not fit is refused, unless it is left out', (t) => {
  t.doesNotThrow(() => plan(['rofs']).routes('image-kernel', 4 * ERASE + 1, ERASE));
  for (const only of [null, ['kernel']]) {
    t.throws(() => plan(only).routes('image-kernel', 4 * ERASE + 1, ERASE), {
      code: 'ERR_BUNDLE_TOO_BIG',
      partition: 'kernel',
      member: 'image-kernel',
    });
  }
  t.throws(() => plan().routes('image-hostfw', 1, ERASE), {
    code: 'ERR_BUNDLE_NO_PARTITION',
    member: 'image-hostfw',
  });
  t.throws(() => plan(['kernel']).routes('image-bmc', 17 * ERASE, ERASE), { code: 'ERR_BUNDLE_TOO_BIG' });
  t.end();
});

t.test('two images over the same flash are refused, in either order', (t) => {
  const orders = [
    ['image-bmc', 'image-kernel'],
    ['image-kernel', 'image-bmc'],
    ['image-kernel', 'image-kernel'],
  ];
  for (const [first = '', second = ''] of orders) {
    const mixed = plan();
    mixed.routes(first, ERASE, ERASE);
    t.throws(() => mixed.routes(second, ERASE, ERASE), { code: 'ERR_BUNDLE_LAYOUT' }, `${first} ${second}`);
  }
  const neighbours = plan();
  for (const name of ['u-boot', 'kernel', 'rofs', 'rwfs']) neighbours.routes(`image-${name}`, ERASE, ERASE);
  t.doesNotThrow(() => neighbours.finish(), 'neighbours are no clash');
  t.end();
});

t.test('the same offsets on two devices are no clash', (t) => {
  const [one, two] = [nor(), nor()];
  const kernel = one.partitions.get('kernel');
  const other = two.partitions.get('kernel');
  if (kernel === undefined || other === undefined) throw new Error('no kernel');
  const partitions = new Map([
    ['kernel', kernel],
    ['rofs', { ...other, name: 'rofs' }],
  ]);
  const plan = new Routes({ address: 'two', partitions, close: async () => {} }, null);
  plan.routes('image-kernel', 1, ERASE);
  t.doesNotThrow(() => plan.routes('image-rofs', 1, ERASE));
  t.end();
});

t.test('partitions that are not there cannot be asked for; a bundle without images serves nobody', (t) => {
  t.throws(() => plan(['kernel', 'nvram']), {
    code: 'ERR_USAGE_PARTITION',
    message: /u-boot, kernel, rofs, rwfs/,
  });
  t.throws(() => plan().finish(), { code: 'ERR_BUNDLE_EMPTY' });
  t.throws(() => plan([]).finish(), { code: 'ERR_BUNDLE_EMPTY' });
  t.end();
});
