/**
 * Proves and commits in two steps: a session may wait between them.
 *
 * | promised | shown by |
 * |---|---|
 * | nothing happens between: commit opens the gates, as `end` does | "${policy}: proven, waiting, committed" |
 * |  | "a bundle that changes nothing can be proven and committed too" |
 * | abort or signal: interrupted, verified, not committed; the gates are as before | "${policy}: abandoned, it is interrupted and the gates are as before" |
 * |  | "${policy}: a signal that was given while it waited stops the commit" |
 * |  | "${policy}: a stop that comes while the blocks are read again is heard" |
 * |  | "when only gates differ, an abandoned session has touched nothing" |
 * | a kill or a power cut: the journal calls no block torn; the same update resumes | "${policy}: a kill while it waits costs no erase" |
 * |  | "${policy}: the power may go at each operation of the commit" |
 * | another writer, a mount: the commit is refused; each block of the images is read again | "${policy}: what changed while it waited keeps the gates shut" |
 * |  | "${policy}: what is mounted while it waited is not committed" |
 * | commit without a proof: ERR_SESSION_STATE, and nothing is committed, then or later | "${policy}: a commit without a proof fails the session" |
 * |  | "${policy}: a proof that is aborted does not become proven" |
 * |  | "what cannot be proven cannot be committed" |
 */
import t from 'tap';
import { SluiceError } from '../../src/core/errors.js';
import type { FlashTarget, Partition } from '../../src/core/flash/device.js';
import type { MemoryTarget } from '../../src/core/sim/index.js';
import type { TrustPolicy } from '../../src/core/trust/trust.js';
import type { UpdateSession } from '../../src/core/update/session.js';
import { makeBundle } from '../kit/bundle-maker.js';
import { MemoryJournal } from '../kit/memory-journal.js';
import {
  erased,
  ERASE,
  nand,
  nor,
  oldContent,
  partitionBytes,
  plain,
  quickChain,
  quickPlatform,
  recorder,
  same,
  sessionOf,
  SMALL,
  update,
  written,
  type UpdateOptions,
} from '../kit/update-kit.js';
import { sameBytes } from '../kit/same-bytes.js';
import { noise } from '../kit/noise.js';

const before = oldContent();
const images = {
  kernel: noise(3 * ERASE - 9, 1),
  rofs: partitionBytes(nor(), 'rofs').slice(0, 3 * ERASE),
  'u-boot': noise(2 * ERASE, 2),
};
const after = written(before, SMALL, images);
const bundles = {
  'before-erase': makeBundle({ images, kind: 'proven' }).bytes,
  'before-commit': makeBundle({ images, kind: 'stock' }).bytes,
} as const;
const POLICIES = ['before-erase', 'before-commit'] as const;

/** First blocks, as they must stay until the commit. */
function gatesAsBefore(target: MemoryTarget, policy: TrustPolicy): boolean {
  return ['kernel', 'u-boot'].every((name) => {
    const gate = partitionBytes(target, name).subarray(0, ERASE);
    const { offset } = target.partitions.get(name) as Partition;
    return policy === 'before-erase' ? same(gate, before.subarray(offset, offset + ERASE)) : erased(gate);
  });
}

async function proven(
  target: FlashTarget,
  policy: (typeof POLICIES)[number],
  options: UpdateOptions = {},
): Promise<UpdateSession> {
  const quick = { platform: quickPlatform, trust: quickChain() };
  const session = sessionOf(target, { ...quick, policy, ...options });
  await session.write(bundles[policy]);
  await session.prove();
  return session;
}

for (const policy of POLICIES) {
  t.test(`${policy}: proven, waiting, committed`, async (t) => {
    for (const chip of [nor, nand]) {
      const phases: string[] = [];
      const { changes, onOperation } = recorder();
      const target = chip({ onOperation });
      const session = sessionOf(target, { policy, observer: { phase: (phase) => phases.push(phase) } });
      await session.write(bundles[policy]);
      t.notOk(session.isProven);
      const proving = session.prove();
      t.equal(session.prove(), proving, 'called twice it is one promise');
      t.match(await proving, {
        outcome: 'proven',
        code: null,
        message: 'verified, waiting for the commit: kernel, u-boot ready (5 blocks); rofs unchanged',
        flash: 'partial',
        trust: { policy, key: 'OpenBMC' },
        partitions: { kernel: { blocks: 3, held: 1, readBack: 2 }, rofs: { skipped: 3 } },
      });
      t.ok((await proving).bundle.identity, 'all images are known');
      t.ok(session.isProven);
      t.equal(session.error, null);
      t.ok(gatesAsBefore(target, policy));
      t.same(phases, ['receiving', 'checking', 'proven']);

      changes.length = 0;
      const committing = session.commit();
      t.equal(session.commit(), committing, 'called twice it is one promise');
      t.equal(session.end(), committing);
      const receipt = await committing;
      t.match(receipt, {
        outcome: 'committed',
        message: 'kernel, u-boot written (5 blocks); rofs unchanged',
        flash: 'complete',
      });
      t.same([...new Set(changes.map(({ block }) => block))], [2, 0], 'the commit changes the gates alone');
      t.notOk(session.isProven);
      sameBytes(t, target.bytes, after);
      t.same(phases, ['receiving', 'checking', 'proven', 'committing', 'done']);
      t.match(
        (await proving).partitions,
        { kernel: { readBack: 2 } },
        'the receipt of the proof stays as it was',
      );
      const { receipt: atOnce } = await update(chip(), bundles[policy], { policy });
      t.same(plain(receipt), plain(atOnce), 'its receipt is that of an update without a wait');
      t.equal(await session.abort(new Error('late')), receipt, 'an abort after the commit changes nothing');
    }
  });

  t.test(`${policy}: abandoned, it is interrupted and the gates are as before`, async (t) => {
    const reasons = [
      new SluiceError('ERR_SESSION_INTERRUPTED', 'nobody asked for it in time'),
      new SluiceError('ERR_SOURCE_TRUNCATED', 'the client went away'),
    ];
    for (const reason of reasons) {
      const target = nor();
      const phases: string[] = [];
      const journal = new MemoryJournal();
      const session = await proven(target, policy, {
        journal,
        observer: { phase: (phase) => phases.push(phase) },
      });
      const receipt = await session.abort(reason);
      t.match(receipt, {
        outcome: 'interrupted',
        code: 'ERR_SESSION_INTERRUPTED',
        message: `verified, not committed: ${reason.message}`,
        flash: 'partial',
        trust: { key: 'OpenBMC' },
      });
      t.match(session.error, { flash: 'partial', cause: reason });
      t.equal(phases.at(-1), 'failed');
      t.ok(gatesAsBefore(target, policy));
      t.notMatch(journal.text, /suspect|window/, 'nothing is torn');
      await t.rejects(session.commit(), { code: 'ERR_SESSION_STATE' });
      t.equal(await session.prove(), await session.prove());
      t.ok(gatesAsBefore(target, policy), 'a commit that comes too late opens nothing');
      t.equal(session.error?.code, 'ERR_SESSION_INTERRUPTED', 'and the reason stays');

      const again = await update(target, bundles[policy], { policy, journal });
      t.equal(again.receipt.outcome, 'committed');
      sameBytes(t, target.bytes, after);
      t.equal(journal.record, null);
    }
  });

  t.test(`${policy}: a kill while it waits costs no erase`, async (t) => {
    const journal = new MemoryJournal();
    const target = nor();
    await proven(target, policy, { journal });
    t.notMatch(journal.text, /suspect|window/, 'the record calls no block torn');
    const { changes, onOperation } = recorder();
    const board = await target.reopen({ onOperation });
    const { receipt } = await update(board, bundles[policy], {
      policy,
      journal: new MemoryJournal(journal.record),
    });
    t.match(receipt, { outcome: 'committed', session: { attempt: policy === 'before-erase' ? 2 : 1 } });
    t.same([...new Set(changes.map(({ block }) => block))], [2, 0], 'only the gates were left to write');
    sameBytes(t, board.bytes, after);
  });

  t.test(`${policy}: the power may go at each operation of the commit`, async (t) => {
    const counted = nor();
    let operations = 0;
    counted.chip.onOperation = () => void operations++;
    const session = await proven(counted, policy, { journal: new MemoryJournal() });
    const first = operations;
    await session.commit();
    t.ok(operations - first > 10, `${operations - first} operations`);
    for (let nth = first + 1; nth <= operations; nth++) {
      for (const when of ['before', 'torn', 'after']) {
        const journal = new MemoryJournal();
        const target = nor({ faults: [`cut:${when}:any:${nth}`] });
        const cut = await proven(target, policy, { journal });
        t.ok(cut.isProven);
        const { outcome } = await cut.commit();
        const board = await target.reopen({});
        const resumed = await update(board, bundles[policy], {
          platform: quickPlatform,
          trust: quickChain(),
          policy,
          journal,
        });
        const good =
          resumed.receipt.outcome === 'committed' && same(board.bytes, after) && journal.record === null;
        if (!good || board.chip.state().torn.length > 0 || outcome === 'proven')
          t.fail(`${when} ${nth}: ${outcome}, then ${resumed.receipt.message}`);
      }
    }
  });

  t.test(`${policy}: what changed while it waited keeps the gates shut`, async (t) => {
    for (const [what, at] of [
      ['a block that was written', 3 * ERASE],
      ['a block that is unchanged', partitionIn('rofs') + ERASE],
    ] as const) {
      const target = nor();
      const session = await proven(target, policy);
      target.bytes.fill(0, at, at + 1);
      t.match(
        await session.commit(),
        { outcome: 'failed', code: 'ERR_FLASH_CHANGED', flash: 'partial' },
        what,
      );
      t.ok(gatesAsBefore(target, policy));
    }
  });

  t.test(`${policy}: what is mounted while it waited is not committed`, async (t) => {
    const target = nor();
    let mounted = false;
    const partitions = new Map(
      [...target.partitions].map(([name, partition]) => [
        name,
        { ...partition, inUse: async () => (mounted && name === 'u-boot' ? 'mounted at /boot' : null) },
      ]),
    );
    const session = await proven({ ...target, partitions, close: () => target.close() }, policy);
    mounted = true;
    t.match(await session.commit(), { outcome: 'failed', code: 'ERR_BUSY_IN_USE', flash: 'partial' });
    t.ok(gatesAsBefore(target, policy));
  });

  t.test(`${policy}: a signal that was given while it waited stops the commit`, async (t) => {
    const target = nor();
    const stop = new AbortController();
    const session = await proven(target, policy, { signal: stop.signal });
    stop.abort();
    t.match(await session.commit(), {
      outcome: 'interrupted',
      message: 'verified, not committed: the update was stopped',
    });
    t.ok(gatesAsBefore(target, policy));
  });

  t.test(`${policy}: a stop that comes while the blocks are read again is heard`, async (t) => {
    const target = nor();
    const session = await proven(target, policy);
    let stopped: Promise<unknown> | null = null;
    target.chip.onOperation = () => void (stopped ??= session.abort(new Error('stop')));
    const receipt = await session.commit();
    t.match(receipt, { outcome: 'interrupted', message: 'verified, not committed: stop' });
    t.equal(await stopped, receipt);
    t.ok(gatesAsBefore(target, policy));
  });

  t.test(`${policy}: a commit without a proof fails the session`, async (t) => {
    const target = nor();
    const session = sessionOf(target, { policy });
    await session.write(bundles[policy]);
    await t.rejects(session.commit(), { code: 'ERR_SESSION_STATE' }, 'before the proof');
    t.equal(session.error?.code, 'ERR_SESSION_STATE');
    t.match(
      await session.prove(),
      { outcome: 'failed', code: 'ERR_SESSION_STATE' },
      'the proof comes too late',
    );
    await t.rejects(session.commit(), { code: 'ERR_SESSION_STATE' });
    t.match(await session.end(), { outcome: 'failed', code: 'ERR_SESSION_STATE' });
    t.ok(gatesAsBefore(target, policy));

    const other = nor();
    const hasty = sessionOf(other, { policy });
    await hasty.write(bundles[policy]);
    const proving = hasty.prove();
    await t.rejects(hasty.commit(), { code: 'ERR_SESSION_STATE' }, 'while the proof is under way');
    t.match(await proving, { outcome: 'failed', code: 'ERR_SESSION_STATE' });
    t.notOk(hasty.isProven);
    t.ok(gatesAsBefore(other, policy));
  });

  t.test(`${policy}: a proof that is aborted does not become proven`, async (t) => {
    const target = nor();
    const session = sessionOf(target, { policy });
    await session.write(bundles[policy]);
    const proving = session.prove();
    const receipt = await session.abort(new SluiceError('ERR_SESSION_INTERRUPTED', 'enough'));
    t.match(receipt, { outcome: 'interrupted', flash: 'partial' });
    await proving;
    t.notOk(session.isProven);
    await t.rejects(session.commit(), { code: 'ERR_SESSION_STATE' });
    t.ok(gatesAsBefore(target, policy));
  });
}

t.test('what cannot be proven cannot be committed', async (t) => {
  const target = nor();
  const session = sessionOf(target, {});
  await session.write(bundles['before-erase'].subarray(0, -9000));
  t.match(await session.prove(), { outcome: 'refused', code: 'ERR_SOURCE_TRUNCATED' });
  t.notOk(session.isProven);
  await t.rejects(session.commit(), { code: 'ERR_SESSION_STATE' });
  t.match(await session.end(), { outcome: 'refused', code: 'ERR_SOURCE_TRUNCATED' });
  t.ok(gatesAsBefore(target, 'before-erase'));
});

t.test('when only gates differ, an abandoned session has touched nothing', async (t) => {
  const kernel = noise(ERASE, 7);
  const { bytes } = makeBundle({ images: { kernel }, kind: 'proven' });
  const target = nor();
  const session = sessionOf(target, { journal: new MemoryJournal() });
  await session.write(bytes);
  t.match(await session.prove(), {
    outcome: 'proven',
    flash: 'untouched',
    message: 'verified, waiting for the commit: kernel ready (1 block)',
  });
  t.match(await session.abort(new SluiceError('ERR_SESSION_INTERRUPTED', 'the time was up')), {
    outcome: 'interrupted',
    flash: 'untouched',
    message: 'verified, not committed: the time was up',
  });
  sameBytes(t, target.bytes, before);
});

t.test('a bundle that changes nothing can be proven and committed too', async (t) => {
  const target = nor({ content: after.slice() });
  const { changes, onOperation } = recorder();
  target.chip.onOperation = onOperation;
  const session = await proven(target, 'before-commit');
  t.match(await session.commit(), {
    outcome: 'committed',
    flash: 'complete',
    message: 'kernel, rofs, u-boot unchanged',
  });
  t.same(changes, []);
});

function partitionIn(name: string): number {
  return (nor().partitions.get(name) as Partition).offset;
}
