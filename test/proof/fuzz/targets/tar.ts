import { SluiceError } from '../../../../src/core/errors.js';
import { TarReader } from '../../../../src/core/bundle/tar/tar-reader.js';
import { formatTar, referenceTar } from '../tar-reference.js';
import { latin1, must, type FuzzTarget } from '../target.js';
import { gnuMagic, header, longName, member, pax, tarball } from '../../../kit/tar-maker.js';

/** What the reader handed out. */
interface Read {
  readonly code: string | null;
  readonly members: readonly { readonly name: string; readonly data: Buffer }[];
}

async function read(pieces: readonly Uint8Array[]): Promise<Read & { error: SluiceError | null }> {
  const members: { name: string; size: number; parts: Buffer[] }[] = [];
  const reader = new TarReader({
    begin: ({ name, size }) => {
      must(
        /^[\x20-\x7e]{1,100}$/.test(name) && /^(?:[\w.+-]+\/(?:publickey|[^/]+\.sig)|[^/]+)$/.test(name),
        `name ${name}`,
      );
      must(!/^\.\.?(?:\/|$)/.test(name), `name ${name}`);
      must(Number.isSafeInteger(size) && size >= 0, `size ${size}`);
      members.push({ name, size, parts: [] });
    },
    data: (bytes) => {
      must(bytes.length > 0, 'data of nothing');
      members.at(-1)?.parts.push(Buffer.from(bytes));
    },
    finish: () => {
      const { size, parts } = members.at(-1) as (typeof members)[number];
      must(Buffer.concat(parts).length === size, 'a member is finished with another size than it began');
    },
  });
  let error: SluiceError | null = null;
  try {
    for (const piece of pieces) await reader.write(piece);
    await reader.end();
  } catch (thrown) {
    if (!(thrown instanceof SluiceError)) throw thrown;
    error = thrown;
    const again = await reader.write(new Uint8Array(1)).catch((other: unknown) => other);
    must(again === thrown || error.code === 'ERR_SOURCE_TRUNCATED', 'it went on after a failure');
  }
  must(new Set(members.map(({ name }) => name)).size === members.length, 'a member twice');
  return {
    error,
    code: error?.code ?? null,
    members: members.map(({ name, parts }) => ({ name, data: Buffer.concat(parts) })),
  };
}

/** Gives headers their right sum again. */
export function mendTar(bytes: Buffer): Buffer {
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    const block = bytes.subarray(at, at + 512);
    if (block.toString('latin1', 257, 262) !== 'ustar') continue;
    block.fill(0x20, 148, 156);
    let sum = 0;
    for (const byte of block) sum += byte;
    block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  }
  return bytes;
}

/** Base-256, as GNU tar writes what octal cannot say; `first` carries the sign. */
const binary = (value: bigint, first = 0x80): string => {
  const field = Buffer.alloc(12);
  field.writeBigUInt64BE(BigInt.asUintN(64, value), 4);
  field[0] = first;
  return field.toString('latin1');
};

export const tar: FuzzTarget = {
  name: 'tar',
  codes: [
    'ERR_BUNDLE_TAR_HEADER',
    'ERR_BUNDLE_TAR_NUMBER',
    'ERR_BUNDLE_TAR_TYPE',
    'ERR_BUNDLE_TAR_NAME',
    'ERR_BUNDLE_TAR_DUPLICATE',
    'ERR_BUNDLE_TAR_LIMIT',
    'ERR_BUNDLE_TAR_PADDING',
    'ERR_SOURCE_FORMAT',
    'ERR_SOURCE_TRAILING',
    'ERR_SOURCE_TRUNCATED',
  ],
  seeds: [
    tarball(member('MANIFEST', 'version=1\n'), member('image-kernel', Buffer.alloc(600, 'k'))),
    tarball(pax({ path: './image-rofs', size: '700' }), member('x', Buffer.alloc(700, 'r'), { size: 0 })),
    tarball(longName('image-rofs'), member('x', 'abc', { magic: gnuMagic })),
    tarball(pax({ comment: 'c' }, 'g'), member('./', '', { type: '5' }), member('./image-u-boot', 'u')),
    tarball(member('a', 'ten bytes.', { size: binary(10n) }), header({ name: 'empty' })),
    tarball(member('a', 'x', { size: binary(-1n, 0xff) })),
    tarball(header({ size: binary(2n ** 53n) }), header({ size: binary(2n ** 31n) })),
    tarball(header({ size: '77777777777\0' }), header({ name: 'b', size: '-0000000001\0' })),
    Buffer.concat([tarball(member('a', 'b')), Buffer.alloc(2048), latin1('x')]),
    tarball(
      member('a', 'b', { size: '          1 ', checksum: (sum) => `${sum.toString(8).padStart(6, ' ')}\0 ` }),
    ),
    tarball(pax({ 'path\0': 'b' }), member('a', 'b')),
    tarball(
      member('MLDSA/', '', { type: '5' }),
      member('./MLDSA/publickey', 'b'),
      member('MLDSA/a.sig', 'c'),
    ),
    latin1('\xfd7zXZ\0\0'),
    latin1('<!DOCTYPE html>\n<p>Sign in</p>'),
  ],
  dictionary: [
    'ustar\x0000',
    gnuMagic,
    './',
    '../',
    'MLDSA/',
    '.sig',
    '/',
    'path=',
    'size=',
    'GNU.sparse.',
    'linkpath=',
    '\0'.repeat(512),
  ],
  longest: 8192,
  mend: (bytes, random) => (random.below(3) === 0 ? bytes : mendTar(bytes)),
  run: async (bytes, random) => {
    const whole = await read([bytes]);
    const split = random.below(3) > 0 ? whole : await read(random.pieces(bytes));
    must(whole.code === split.code, `whole: ${whole.code}, split: ${split.code}`);
    const same = (a: Read, b: Read): boolean => formatTar(a.members) === formatTar(b.members);
    must(whole.error !== null || same(whole, split), 'the members depend on the split');
    if (whole.error !== null) throw whole.error;
    const reference = referenceTar(bytes);
    must(formatTar(reference) === formatTar(whole.members), 'another reader finds other members');
    return `${whole.members.length}`;
  },
};
