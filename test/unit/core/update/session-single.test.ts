import t from 'tap';
import { UnsignedTrust } from '../../../../src/core/trust/unsigned-trust.js';
import { UpdateSession } from '../../../../src/core/update/session.js';
import { erased, ERASE, nor, partitionBytes, platform } from '../../../kit/update-kit.js';
import { noise } from '../../../kit/noise.js';

/** A session for one bare image; nothing vouches for it, as what is tested here is its length. */
function single(size: number | null) {
  const target = nor();
  const session = new UpdateSession({
    platform,
    target,
    trust: new UnsignedTrust({ machine: 'any' }),
    policy: 'unsigned',
    single: { member: 'image-kernel', size },
  });
  return { target, session };
}

async function send(session: UpdateSession, bytes: Uint8Array) {
  try {
    for (let at = 0; at < bytes.length; at += 1000) await session.write(bytes.subarray(at, at + 1000));
  } catch {
    // the receipt tells
  }
  return session.end();
}

t.test('an image that is as long as it was said to be is written', async (t) => {
  const { session } = single(3 * ERASE + 5);
  const receipt = await send(session, noise(3 * ERASE + 5, 1));
  t.match(receipt, { outcome: 'committed', partitions: { kernel: { bytes: 3 * ERASE + 5, blocks: 4 } } });
});

t.test('a source that grows or shrinks after it was measured is refused, its gate shut', async (t) => {
  for (const length of [2 * ERASE, 4 * ERASE - 1]) {
    const { session, target } = single(3 * ERASE);
    const receipt = await send(session, noise(length, 2));
    t.match(receipt, { outcome: 'refused', code: 'ERR_SOURCE_CHANGED', flash: 'partial' }, `${length} bytes`);
    t.ok(erased(partitionBytes(target, 'kernel').subarray(0, ERASE)));
  }
});

t.test('an image of unknown length stops at the end of its partition', async (t) => {
  const { session } = single(null);
  const receipt = await send(session, noise(4 * ERASE + 1, 3));
  t.match(receipt, { outcome: 'refused', code: 'ERR_BUNDLE_TOO_BIG' });
});

t.test('a trust that proves nothing does not go with a policy that says so', async (t) => {
  const trust = new UnsignedTrust({ machine: 'any' });
  t.throws(() => new UpdateSession({ platform, target: nor(), trust, policy: 'before-erase' }), {
    code: 'ERR_SESSION_STATE',
  });
  t.end();
});
