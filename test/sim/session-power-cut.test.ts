import t from 'tap';
import { UnsignedTrust } from '../../src/trust/unsigned.js';
import { MACHINE, makeBundle, noise } from '../kit/bundle-maker.js';
import {
  check,
  erased,
  ERASE,
  nand,
  nor,
  oldContent,
  padded,
  partitionBytes,
  quickChain,
  quickPlatform,
  same,
  SMALL,
  update,
  written,
  type UpdateOptions,
} from '../kit/update-kit.js';

// kernel changes as a whole, rofs in its second and last block, u-boot in its one block.
const before = oldContent();
const old = (name: string): Uint8Array => partitionBytes(nor(), name);
const rofs = old('rofs').slice(0, 4 * ERASE - 5);
rofs.set(noise(ERASE, 4), ERASE);
rofs.set(noise(ERASE - 5, 5), 3 * ERASE);
const images = { kernel: noise(3 * ERASE - 9, 1), rofs, 'u-boot': noise(ERASE, 3) };
const proven = makeBundle({ images, kind: 'proven' }).bytes;
const stock = makeBundle({ images, kind: 'stock' }).bytes;

interface Way {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly gated: boolean;
  readonly only: readonly string[];
  readonly options: () => Promise<UpdateOptions>;
}

const quick = { platform: quickPlatform };
const all = Object.keys(images);
const ways: Way[] = [
  {
    name: 'before-erase with an index',
    bytes: proven,
    gated: false,
    only: all,
    options: async () => ({ ...quick, trust: quickChain() }),
  },
  {
    name: 'before-erase by check pass, kernel and u-boot only',
    bytes: stock,
    gated: false,
    only: ['kernel', 'u-boot'],
    options: async () => ({
      ...quick,
      trust: quickChain(),
      only: ['kernel', 'u-boot'],
      expect: await check(stock, null, { trust: quickChain() }),
    }),
  },
  {
    name: 'before-commit',
    bytes: stock,
    gated: true,
    only: all,
    options: async () => ({ ...quick, trust: quickChain(), policy: 'before-commit' }),
  },
  {
    name: 'before-commit, rofs only',
    bytes: stock,
    gated: true,
    only: ['rofs'],
    options: async () => ({ ...quick, trust: quickChain(), policy: 'before-commit', only: ['rofs'] }),
  },
  {
    name: 'unsigned, kernel only',
    bytes: stock,
    gated: true,
    only: ['kernel'],
    options: async () => ({
      ...quick,
      trust: new UnsignedTrust({ machine: MACHINE }),
      policy: 'unsigned',
      only: ['kernel'],
    }),
  },
];

/** What must hold of one partition when the power has gone away, whatever was under way; null when it does. */
function fault(now: Uint8Array, was: Uint8Array, image: Uint8Array, gated: boolean): string | null {
  const whole = padded(image);
  const head = now.subarray(0, ERASE);
  const rest = now.subarray(ERASE, whole.length);
  if (same(rest, whole.subarray(ERASE))) return null;
  // Not all of it is in place: what is in front must not boot it, unless it is the old head under proven blocks.
  if (gated && !same(rest, was.subarray(ERASE, whole.length)))
    return erased(head) ? null : 'its gate is open';
  if (!gated) return same(head, was.subarray(0, ERASE)) ? null : 'its old head is gone';
  return null;
}

for (const { name, bytes, gated, only, options } of ways) {
  for (const chip of [nor, nand]) {
    t.test(`${name}, ${chip === nor ? 'NOR' : 'NAND'}: the power may go at any operation`, async (t) => {
      const chosen = Object.fromEntries(Object.entries(images).filter(([each]) => only.includes(each)));
      let operations = 0;
      const clean = chip({ onOperation: () => operations++ });
      const { receipt } = await update(clean, bytes, await options());
      t.equal(receipt.outcome, 'committed');
      const after = written(before, SMALL, chosen);
      t.ok(same(clean.bytes, after));
      const faults: string[] = [];
      for (const when of ['before', 'torn', 'after'] as const) {
        for (let nth = 1; nth <= operations; nth++) {
          const target = chip({ faults: [`cut:${when}:any:${nth}:${nth}`] });
          const cut = await update(target, bytes, await options());
          const say = (what: string): void => void faults.push(`cut ${when} ${nth}: ${what}`);
          if (cut.error?.code !== 'ERR_FLASH_POWER_CUT') say(`it ended in ${cut.error?.code}`);
          if (cut.receipt.outcome !== 'interrupted') say(`it was ${cut.receipt.outcome}`);
          if (cut.receipt.flash === 'untouched' && !same(target.bytes, before)) say('it was touched');
          if (cut.receipt.flash === 'complete') say('it is called complete');
          for (const each of ['u-boot', 'kernel', 'rofs', 'rwfs']) {
            const now = partitionBytes(target, each);
            const image = chosen[each];
            if (image === undefined && !same(now, old(each))) say(`${each} was not chosen`);
            const wrong = image === undefined ? null : fault(now, old(each), image, gated);
            if (wrong !== null) say(`${each}: ${wrong}`);
          }
          const again = await target.reopen();
          const second = await update(again, bytes, await options());
          if (second.error !== null) say(`the second run: ${second.error.message}`);
          if (!same(again.bytes, after)) say('the second run left another chip');
        }
      }
      t.same(faults.slice(0, 5), [], `${operations} operations`);
    });
  }
}

t.test('the power may go again and again; each run goes on from where the last one was', async (t) => {
  // Three changes a run: shutting the gate is one of them each time, so that less would get nowhere.
  for (const { bytes, only, options } of ways.slice(0, 3)) {
    for (const chip of [nor, nand]) {
      let target = chip();
      let runs = 0;
      for (;;) {
        runs++;
        target = await target.reopen({
          faults: [
            { kind: 'cut', when: runs % 2 === 0 ? 'torn' : 'after', on: 'change', nth: 3, seed: runs },
          ],
        });
        const { error } = await update(target, bytes, await options());
        if (error === null) break;
        if (runs > 200) throw new Error('it gets nowhere');
      }
      const chosen = Object.entries(images).filter(([each]) => only.includes(each));
      t.ok(same(target.bytes, written(before, SMALL, Object.fromEntries(chosen))));
      t.ok(runs > 2 && runs < 100, `${runs} runs`);
    }
  }
});
