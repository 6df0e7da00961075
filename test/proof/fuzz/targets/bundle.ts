/** The texts of a bundle: MANIFEST, BLOCKS, versions, names of schemes. */
import { BlocksParser } from '../../../../src/core/bundle/block-index-parser.js';
import { formatBlocks, type BlockIndex, type ImageIndex } from '../../../../src/core/bundle/block-index.js';
import { formatManifest, parseManifest } from '../../../../src/core/bundle/manifest.js';
import { SluiceError } from '../../../../src/core/errors.js';
import { parseScheme } from '../../../../src/core/trust/scheme.js';
import { compareVersions, parseVersion, type Version } from '../../../../src/core/trust/version.js';
import { latin1, must, type FuzzTarget } from '../target.js';

export const manifest: FuzzTarget = {
  name: 'manifest',
  codes: ['ERR_BUNDLE_MANIFEST'],
  seeds: [
    latin1('purpose=p\nversion=2.19.0\nExtendedVersion=e\nKeyType=k\nHashType=RSA-SHA256\nMachineName=m\n'),
    latin1('purpose=p\r\nversion=v1\r\npurpose=q\r\n\r\n# comment\r\nCompatibleName=a\r\n'),
    latin1('version=1\npurpose=x.y.BMC'),
  ],
  dictionary: [
    'purpose=',
    'version=',
    'MachineName=',
    'HashType=',
    'KeyType=',
    'ExtendedVersion=',
    '\r\n',
    '\x1b[2J',
  ],
  run: (bytes) => {
    const parsed = parseManifest(bytes);
    const values = Object.values(parsed) as (string | null)[];
    must(
      values.every((value) => value === null || /^[\x20-\x7e]+$/.test(value)),
      'a value is not printable',
    );
    // Whoever greps the file for a key finds the same (phosphor-bmc-code-mgmt, bmc/version.cpp).
    const lines = bytes
      .toString('latin1')
      .split('\n')
      .map((line) => line.replace(/\r$/, ''));
    const first = (key: string): string | null =>
      lines.find((line) => line.startsWith(key))?.slice(key.length) || null;
    must(
      first('version=') === parsed.version && first('MachineName=') === parsed.machine,
      'grep finds another value',
    );
    must(
      JSON.stringify(parseManifest(formatManifest(parsed))) === JSON.stringify(parsed),
      'it reads back otherwise',
    );
    return values.map((value) => (value === null ? '-' : 'x')).join('');
  },
};

function readIndex(pieces: readonly Uint8Array[], size: number): BlockIndex | SluiceError {
  try {
    const parser = new BlocksParser(size);
    for (const piece of pieces) parser.write(piece);
    return parser.end();
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown;
    throw thrown;
  }
}

const image = (name: string, blocks: number, size: number): ImageIndex => ({
  member: `image-${name}`,
  partition: name,
  size,
  blockSize: 4096,
  sha256: new Uint8Array(32).fill(blocks),
  digests: new Uint8Array(blocks * 32).map((_, at) => at & 255),
});

const index = (securityVersion: number | null, ...images: readonly ImageIndex[]): Uint8Array =>
  formatBlocks({
    machine: 'quanta-q71l',
    version: '2.19.0',
    securityVersion,
    images: new Map(images.map((it) => [it.member, it])),
  });

export const blocks: FuzzTarget = {
  name: 'blocks',
  codes: ['ERR_BUNDLE_BLOCKS'],
  seeds: [
    index(7, image('kernel', 3, 9000), image('u-boot', 1, 4096)),
    index(null, image('rofs', 2, 8192)),
    latin1(
      `sluice-blocks 1\nmachine m\nversion v\nimage image-x partition x size 268435456 block 4096 sha256 ${'0'.repeat(64)}\n`,
    ),
  ],
  dictionary: [
    'sluice-blocks 1\n',
    'machine ',
    'version ',
    'security-version ',
    'image image-a partition a size 1 block 4096 sha256 ',
    ' size ',
    ' block ',
    '0'.repeat(64),
    'a'.repeat(64),
  ],
  memory: 1024 * 1024,
  run: (bytes, random) => {
    // Now and then the header of the member lies.
    const size = random.below(16) === 0 ? bytes.length + random.below(3) - 1 : bytes.length;
    const whole = readIndex([bytes], size);
    const split = random.below(2) > 0 ? whole : readIndex(random.pieces(bytes), size);
    const isRefused = whole instanceof SluiceError;
    must(isRefused === split instanceof SluiceError, 'the verdict depends on the split');
    if (isRefused) throw whole;
    must(bytes.equals(formatBlocks(whole)), 'an index with two spellings');
    must(bytes.equals(formatBlocks(split as BlockIndex)), 'the index depends on the split');
    return `${whole.images.size} ${whole.securityVersion === null}`;
  },
};

export const version: FuzzTarget = {
  name: 'version',
  codes: [],
  seeds: [
    '2.19.0',
    'v2.14.0-rc1',
    '2.19.0-dev-123-gabcdef012-dirty',
    '1.2.3.4.5.6.7.8',
    '2.9\n2.10\n2.10-dev',
    'acme-2.9-r1\nacme-2.10-r1\nfp5280g2-v1.2.3',
    'acme-2.9\n2.10\nfw-2.11',
  ].map(latin1),
  dictionary: ['-dev', '-rc1', '-12-gabcd', '-dirty', 'v', '.', '999999999999999'],
  longest: 200,
  run: (bytes) => {
    const versions = bytes.toString('latin1').split('\n').slice(0, 3).map(parseVersion);
    const [a, b, c] = versions;
    const known = versions.filter((it) => it !== null);
    for (const it of known) {
      must(
        it.groups.flat().every((number) => Number.isSafeInteger(number)),
        'a number that is not exact',
      );
      must(compareVersions(it, it) === 0, 'a version is not as old as itself');
    }
    const order = (one: Version | null = null, other: Version | null = null): number | null => {
      const sign = one === null || other === null ? null : compareVersions(one, other);
      return sign === null ? null : Math.sign(sign);
    };
    const back = order(b, a);
    must(order(a, b) === (back === null ? null : 0 - back), 'the order depends on the side');
    const [first, second, both] = [order(a, b), order(b, c), order(a, c)];
    if (first !== null && second !== null && both !== null && first <= 0 && second <= 0) {
      must(both <= 0, 'versions go round in a circle');
    }
    return `${known.length} ${a?.stage ?? '-'} ${a?.groups.length ?? '-'} ${first}`;
  },
};

export const scheme: FuzzTarget = {
  name: 'scheme',
  codes: ['ERR_TRUST_HASH'],
  seeds: [
    'RSA-SHA256',
    'sha512',
    'RSA-PSS-SHA384',
    'ECDSA-SHA256',
    'Ed25519-SHA512',
    'ed25519',
    'MD5',
    'RSA-SHA1',
  ].map(latin1),
  dictionary: ['RSA-', 'PSS-', 'SHA256', 'SHA1', 'MD5', 'Ed25519', '\u00e5', ' ', '\0'],
  longest: 64,
  run: (bytes) => {
    // Letters beyond ASCII, some of which fold into it.
    const text = bytes.toString('utf8');
    const found = parseScheme(text);
    must(/^[A-Za-z0-9-]+$/.test(text), `${JSON.stringify(text)} is a scheme`);
    must(!/sha-?1$|md5/i.test(text), 'a hash that is broken');
    return `${found.hash} ${Object.keys(found.byKind).join()}`;
  },
};
