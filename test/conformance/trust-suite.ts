/** What every Trust keeps to (src/core/trust/trust.ts), run on a bundle that it accepts. */
import t from 'tap';
import type { ErrorCode } from '../../src/core/errors.js';
import type { Trust } from '../../src/core/trust/trust.js';
import { feed, feedOne, flip, type Member } from '../kit/trust-kit.js';

export interface TrustCase {
  open(): Promise<Trust>;
  /** A bundle that is accepted, in an order that is. */
  readonly members: readonly Member[];
  /** Whether the bundle is accepted without this member. */
  optional(name: string): boolean;
  /** Code that refuses a member that comes again. */
  readonly twice: ErrorCode;
  /** Other orders of the members, by what they are; null if the order is accepted. */
  readonly orders: Readonly<Record<string, readonly [members: readonly Member[], refusal: ErrorCode | null]>>;
  /** Name of the key in the proof. */
  readonly key: string | null;
  /** Whether a changed image is detected. */
  readonly detects: boolean;
}

const isImage = ([name]: Member): boolean => /^image-(?!.*\.sig$)/.test(name);

/** Every call that a trust answers before its end. */
const calls = (trust: Trust): Record<string, () => Promise<unknown>> => ({
  member: () => trust.member('image-rwfs.sig', new Uint8Array(256)),
  blocks: () =>
    trust.blocks({ machine: '', version: '', securityVersion: null, images: new Map() }, {}, null),
  image: () => trust.image('image-kernel', 1, { sha256: new Uint8Array(32) }),
  finish: () => trust.finish(),
  hashes: async () => trust.hashes(),
  beforeUnproven: async () => trust.beforeUnproven('image-kernel', 1, false),
});

/** What a promise is rejected with; null if it is not. */
const errorOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => null,
    (error: unknown) => error,
  );

/** @param name - of the implementation and its case, in the names of the tests */
export function trustSuite(name: string, subject: TrustCase): void {
  const { members, optional } = subject;
  const refused = (list: readonly Member[]): Promise<unknown> =>
    subject.open().then((trust) => feed(trust, list));

  t.test(`${name}: it accepts a bundle once, and names the key`, async (t) => {
    const trust = await subject.open();
    const { key } = await feed(trust, members);
    t.equal(key, subject.key);
    t.equal(trust.proves, key !== null);
    for (const [call, make] of Object.entries(calls(trust)))
      t.match(await errorOf(make()), { code: 'ERR_SESSION_STATE' }, `${call} after the end`);
  });

  t.test(`${name}: it asks for SHA-256 of each image, and for no hash twice`, async (t) => {
    const trust = await subject.open();
    for (const member of members) {
      const hashes = trust.hashes();
      if (isImage(member)) t.ok(hashes.includes('sha256'), member[0]);
      t.equal(new Set(hashes).size, hashes.length, member[0]);
      await feedOne(trust, member);
    }
  });

  t.test(`${name}: no part of a bundle is accepted that lacks a required member`, async (t) => {
    for (const [at, [left]] of members.entries()) {
      const rest = members.toSpliced(at, 1);
      if (optional(left)) await t.resolves(refused(rest), `without ${left}`);
      else await t.rejects(refused(rest), { name: 'SluiceError' }, `without ${left}`);
      if (!members.slice(at).every(([missing]) => optional(missing)))
        await t.rejects(refused(members.slice(0, at)), { name: 'SluiceError' }, `cut before ${left}`);
    }
  });

  t.test(`${name}: no member may come twice`, async (t) => {
    for (const [at, member] of members.entries()) {
      await t.rejects(refused([...members, member]), { code: subject.twice }, `${member[0]} at the end`);
      await t.rejects(
        refused(members.toSpliced(at, 0, member)),
        { code: subject.twice },
        `${member[0]} at once`,
      );
    }
  });

  for (const [order, [list, refusal]] of Object.entries(subject.orders)) {
    t.test(`${name}: ${order} ${refusal === null ? 'is accepted' : 'is refused'}`, async (t) => {
      t.equal(((await errorOf(refused(list))) as { code?: string } | null)?.code ?? null, refusal);
    });
  }

  t.test(`${name}: a changed image is ${subject.detects ? 'refused' : 'not detected'}`, async (t) => {
    for (const [at, [image, bytes]] of members.entries()) {
      if (!isImage([image, bytes])) continue;
      const changed = members.toSpliced(at, 1, [image, flip(bytes)]);
      if (subject.detects) await t.rejects(refused(changed), { code: /^ERR_TRUST_/, member: image });
      else await t.resolves(refused(changed));
    }
  });

  t.test(`${name}: after a refusal every call is refused with the same error`, async (t) => {
    for (const [at, [last]] of members.entries()) {
      for (const call of Object.keys(calls(await subject.open()))) {
        const trust = await subject.open();
        for (const member of members.slice(0, at)) await feedOne(trust, member);
        const error = await errorOf(trust.member('unknown', new Uint8Array(1)));
        t.match(error, { code: 'ERR_BUNDLE_MEMBER' });
        t.equal(await errorOf(calls(trust)[call]!()), error, `${call} before ${last}`);
        t.equal(await errorOf(feed(trust, members.slice(at))), error, `the rest from ${last}`);
        t.match(trust, { index: null, indexKey: null });
      }
    }
  });

  t.test(`${name}: two calls at once are refused, and all calls after them`, async (t) => {
    const trust = await subject.open();
    const [first] = members as [Member];
    const results = await Promise.allSettled([feedOne(trust, first), feedOne(trust, first)]);
    t.ok(results.some(({ status }) => status === 'rejected'));
    t.match(await errorOf(trust.finish()), { code: /^ERR_(SESSION_STATE|BUNDLE_TAR_DUPLICATE)$/ });
  });
}
