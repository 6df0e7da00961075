/**
 * A relay that has no key cannot move an image of a vendor to another partition.
 *
 * | promised | shown by |
 * |---|---|
 * | in the bundle of a whole board each name is bound to its bytes | "every renaming of every subset of the images of a whole board is refused" |
 * | the same, if images change places | "images that change places are refused" |
 * | a bundle of some images cannot pass for another | "every renaming of a bundle of one, two or three images is refused" |
 * | a block index binds the names | "with a block index every renaming is refused" |
 */
import t from 'tap';
import { CHIP_PARTITIONS, imageOf, isImageName, WHOLE_CHIP } from '../../src/core/bundle/image-name.js';
import type { SluiceError } from '../../src/core/errors.js';
import { KeyStore, systemKey } from '../../src/core/trust/key-store.js';
import { OpenBmcTrust } from '../../src/core/trust/openbmc-trust.js';
import { nodePlatform } from '../../src/host/node/platform.js';
import { feed, makeBundle, rsaKey, sign, type Member } from '../kit/trust-kit.js';

const CHIP_SIZE = 4096;
/** In the order of image-full.sig, which a renaming must keep to be of use. */
const NAMES = [WHOLE_CHIP, 'hostfw', ...CHIP_PARTITIONS].map(imageOf);
const PARTS = CHIP_PARTITIONS.map(imageOf);
const WHOLE_BOARDS = [PARTS, ['image-hostfw', ...PARTS], ['image-bmc']];

const platform = await nodePlatform();
const key = rsaKey('renamed');
const keys = new KeyStore([await systemKey(platform, 'OpenBMC', key.pem, 'RSA-SHA256')]);

/** What the vendor has signed: only image-bmc has the size of the chip. */
function vendorBundle(names: readonly string[], blocks: null | undefined): readonly Member[] {
  const images = Object.fromEntries(
    names.map((name, at) => [name, Buffer.alloc(name === 'image-bmc' ? CHIP_SIZE : 100 + at, name)]),
  );
  const signer = (bytes: Uint8Array) => sign(key, bytes);
  return makeBundle({ images, blocks, system: signer, sign: signer, publickey: key.pem });
}

/** The code of the refusal; null if the bundle is accepted. */
const judge = (members: readonly Member[]): Promise<string | null> =>
  feed(new OpenBmcTrust(platform, keys, { machine: 'quanta-q71l' }, { chipSize: CHIP_SIZE }), members).then(
    () => null,
    (error: SluiceError) => error.code,
  );

function* subsetsOf<T>(list: readonly T[]): Generator<T[]> {
  for (let bits = 0; bits < 2 ** list.length; bits++) yield list.filter((_, at) => (bits >> at) & 1);
}

/** Every way to give `count` images different names that keep their order. */
const namings = (count: number): readonly string[][] =>
  [...subsetsOf(NAMES)].filter(({ length }) => length === count);

/** Every order of a list. */
function* ordersOf<T>(list: readonly T[]): Generator<T[]> {
  if (list.length === 0) yield [];
  for (const first of list)
    for (const rest of ordersOf(list.filter((each) => each !== first))) yield [first, ...rest];
}

/** The bundle with the images `kept`, called `names`, and without the others. */
function renamed(bundle: readonly Member[], kept: readonly string[], names: readonly string[]): Member[] {
  const calledNow = new Map(
    kept.flatMap((name, at) => [name, `${name}.sig`].map((old) => [old, at] as const)),
  );
  return bundle.flatMap(([old, bytes]): Member[] => {
    const at = calledNow.get(old);
    if (at === undefined) return isImageName(old.replace(/\.sig$/, '')) ? [] : [[old, bytes]];
    return [[`${names[at]}${old.endsWith('.sig') ? '.sig' : ''}`, bytes]];
  });
}

const isSame = (one: readonly string[], other: readonly string[]): boolean => one.join() === other.join();

t.test('every renaming of every subset of the images of a whole board is refused', async (t) => {
  for (const set of WHOLE_BOARDS) {
    const bundle = vendorBundle(set, null);
    const accepted: string[] = [];
    for (const kept of subsetsOf(set))
      for (const names of namings(kept.length))
        if ((await judge(renamed(bundle, kept, names))) === null) accepted.push(`${kept} as ${names}`);
    t.same(accepted, [`${set} as ${set}`], set.join());
  }
});

t.test('images that change places are refused', async (t) => {
  const bundle = vendorBundle(PARTS, null);
  for (const names of ordersOf(PARTS))
    t.equal((await judge(renamed(bundle, PARTS, names))) === null, isSame(names, PARTS), names.join());
});

t.test('every renaming of a bundle of one, two or three images is refused', async (t) => {
  for (const set of subsetsOf(NAMES)) {
    if (set.length === 0 || set.length > 3) continue;
    const bundle = vendorBundle(set, null);
    const wanted = WHOLE_BOARDS.some((each) => isSame(each, set)) ? [`${set} as ${set}`] : [];
    const accepted: string[] = [];
    for (const names of namings(set.length))
      if ((await judge(renamed(bundle, set, names))) === null) accepted.push(`${set} as ${names}`);
    t.same(accepted, wanted, set.join());
  }
});

t.test('with a block index every renaming is refused', async (t) => {
  const set = ['image-kernel', 'image-rofs'];
  const bundle = vendorBundle(set, undefined);
  for (const names of namings(set.length)) {
    const code = await judge(renamed(bundle, set, names));
    t.equal(code === null, isSame(names, set), names.join());
  }
});
