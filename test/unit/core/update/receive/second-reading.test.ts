/** What was checked in a first reading must come again: all of it, and nothing else. */
import t from 'tap';
import type { ErrorCode } from '../../../../../src/core/errors.js';
import type { MemoryTarget } from '../../../../../src/core/sim/index.js';
import type { TrustPolicy } from '../../../../../src/core/trust/trust.js';
import { UnsignedTrust } from '../../../../../src/core/trust/unsigned-trust.js';
import { CheckPass, type CheckResult } from '../../../../../src/core/update/check/check-pass.js';
import type { SingleSource } from '../../../../../src/core/bundle/single-image.js';
import { UpdateSession } from '../../../../../src/core/update/session.js';
import { MACHINE, makeMembers, tarOf, withMember, type Member } from '../../../../kit/bundle-maker.js';
import {
  check,
  ERASE,
  nor,
  oldContent,
  platform,
  pump,
  same,
  sessionOf,
  SMALL,
  update,
  written,
  type Result,
} from '../../../../kit/update-kit.js';
import { sameBytes } from '../../../../kit/same-bytes.js';
import { noise } from '../../../../kit/noise.js';

const images = { kernel: noise(3 * ERASE - 9, 1), rofs: noise(ERASE + 1, 2) };
const signed = makeMembers({ images, kind: 'stock' });
// Nothing but the first reading vouches for these.
const members = signed.filter(({ name }) => /^(MANIFEST|publickey|image-kernel|image-rofs)$/.test(name));
const trust = (): UnsignedTrust => new UnsignedTrust({ machine: MACHINE });
const first = await check(tarOf(members).bytes, nor(), { trust: trust() });
const before = oldContent();

function read(again: readonly Member[], target: MemoryTarget = nor()): Promise<Result> {
  return update(target, tarOf(again).bytes, { expect: first, trust: trust(), policy: 'unsigned' });
}

t.test('the same again is written', async (t) => {
  const target = nor();
  const { receipt } = await read(members, target);
  t.match(receipt, { outcome: 'committed', bundle: { identity: first.identity } });
  t.match(receipt.trust, { policy: 'unsigned', by: 'none', key: null }, 'a first reading proves nothing');
  sameBytes(t, target.bytes, written(before, SMALL, images));
});

t.test('members that are missing, new or others are named, and no gate opens', async (t) => {
  const text = Buffer.from(members.find(({ name }) => name === 'MANIFEST')?.bytes ?? []);
  const without = (gone: string): Member[] => members.filter(({ name }) => name !== gone);
  const cases: [what: string, member: string, again: readonly Member[], how: RegExp][] = [
    ...members.map(({ name }): [string, string, Member[], RegExp] => [
      `${name} is missing`,
      name,
      without(name),
      /is missing now/,
    ]),
    [
      'MANIFEST of another version',
      'MANIFEST',
      withMember(members, 'MANIFEST', Buffer.from(text.toString().replace('2.19.0', '2.19.1'))),
      /was another/,
    ],
    [
      'a small member that is new',
      'image-kernel.sig',
      [...members, { name: 'image-kernel.sig', bytes: noise(256, 1) }],
      /was not there/,
    ],
    [
      'an image that is new',
      'image-rwfs',
      [...members, { name: 'image-rwfs', bytes: noise(9, 1) }],
      /was not there/,
    ],
    [
      'an image that is longer',
      'image-rofs',
      withMember(members, 'image-rofs', noise(ERASE + 2, 2)),
      /had another size/,
    ],
    [
      'an image that is shorter',
      'image-rofs',
      withMember(members, 'image-rofs', noise(ERASE, 2)),
      /had another size/,
    ],
  ];
  for (const [what, member, again, message] of cases) {
    const target = nor();
    const { error, receipt } = await read(again, target);
    t.match(error, { code: 'ERR_SOURCE_CHANGED', member, message }, what);
    t.match(receipt, { outcome: 'refused', bundle: { identity: first.identity } }, what);
    for (const at of [2, 6]) {
      const head = target.bytes.subarray(at * ERASE, (at + 1) * ERASE);
      t.ok(
        same(head, before.subarray(at * ERASE, (at + 1) * ERASE)) || head.every((byte) => byte === 0xff),
        `${what}: block ${at}`,
      );
    }
  }
});

t.test('an image with another byte is refused at its block', async (t) => {
  const other = images.kernel.slice();
  other[ERASE + 7] = 1 ^ (other[ERASE + 7] as number);
  t.match((await read(withMember(members, 'image-kernel', other))).error, {
    code: 'ERR_SOURCE_CHANGED',
    member: 'image-kernel',
    partition: 'kernel',
    block: 1,
  });
});

t.test('what nothing has proven cannot be expected by who has to prove it', async (t) => {
  t.equal(first.proven, false);
  for (const policy of ['before-erase', 'before-commit'] as const) {
    t.throws(() => sessionOf(nor(), { expect: first, policy }), { code: 'ERR_SESSION_STATE' }, policy);
  }
  const proven = await check(tarOf(signed).bytes, nor());
  for (const policy of ['before-erase', 'before-commit'] as const) {
    t.doesNotThrow(() => sessionOf(nor(), { expect: proven, policy }), policy);
  }
  t.doesNotThrow(() => sessionOf(nor(), { expect: proven, policy: 'unsigned', trust: trust() }));
  t.throws(() => sessionOf(nor(), { policy: 'unsigned' }), { code: 'ERR_SESSION_STATE' });
});

t.test('an image whose size nobody tells is held against the first reading all the same', async (t) => {
  const single: SingleSource = { member: 'image-kernel', size: null };
  const target = nor();
  const pass = new CheckPass({
    platform,
    trust: trust(),
    target,
    forecast: false,
    only: null,
    single,
    observer: {},
  });
  await pass.write(images.kernel);
  await pass.end();
  const expect: CheckResult = await pass.result();
  const options = { platform, policy: 'unsigned', single, expect } as const;
  const session = new UpdateSession({ ...options, target, trust: trust() });
  t.equal((await pump(session, [images.kernel])).receipt.outcome, 'committed');
  sameBytes(t, target.bytes, written(before, SMALL, { kernel: images.kernel }));
  const other = new UpdateSession({ ...options, target: nor(), trust: trust() });
  t.match((await pump(other, [images.kernel.subarray(1)])).error, { code: 'ERR_SOURCE_CHANGED' });
});

t.test('an image that the block index has not, or has with another size, is named', async (t) => {
  const proven = makeMembers({ images, kind: 'proven' });
  const stray = { name: 'image-rwfs', bytes: noise(9, 1) };
  const refused: [again: readonly Member[], member: string, message: RegExp][] = [
    [[...proven, stray], 'image-rwfs', /image-rwfs is not in the block index/],
    [
      withMember(proven, 'image-rofs', noise(ERASE, 2)),
      'image-rofs',
      /image-rofs has 4096 bytes, not the 4097 of/,
    ],
  ];
  for (const policy of ['before-erase', 'before-commit'] as const) {
    for (const [again, member, message] of refused) {
      const { error } = await update(nor(), tarOf(again).bytes, { policy });
      t.match(error, { code: 'ERR_TRUST_INDEX', member, message });
    }
  }
});

t.test('who says how it was proven', async (t) => {
  const stock = tarOf(signed).bytes;
  const proven = tarOf(makeMembers({ images, kind: 'proven' })).bytes;
  const expect = await check(stock, nor());
  const none = { trust: trust(), policy: 'unsigned' as TrustPolicy };
  const cases: [by: string, key: string | null, source: Uint8Array, options: object, code?: ErrorCode][] = [
    ['index', 'OpenBMC', proven, {}],
    ['index', 'OpenBMC', proven, { policy: 'before-commit' }],
    ['check-pass', 'OpenBMC', stock, { expect }],
    ['signature', 'OpenBMC', stock, { policy: 'before-commit' }],
    ['none', null, stock.subarray(0, -5000), { policy: 'before-commit' }, 'ERR_SOURCE_TRUNCATED'],
    ['none', null, stock, {}, 'ERR_TRUST_NOT_AHEAD'],
    ['none', null, proven, none],
  ];
  for (const [by, key, source, options, code] of cases) {
    const { receipt, error } = await update(nor(), source, options);
    t.match(receipt, { code: code ?? null, trust: { by, key } });
    if (code === 'ERR_TRUST_NOT_AHEAD') t.equal(error?.member, 'image-kernel');
  }
});
