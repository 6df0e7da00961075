import { gzipSync } from 'node:zlib';
import { formatBlocks } from '../../src/core/bundle/block-index.js';
import { openBundleReader } from '../../src/core/bundle/open-bundle-reader.js';
import { indexOf, tarOf } from '../kit/bundle-maker.js';
import { platform } from '../kit/update-kit.js';
import { bundleReaderSuite } from './bundle-reader-suite.js';
import { noise } from '../kit/noise.js';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');

const [kernel, rofs] = [noise(1300, 1), noise(512, 2)];
const manifest = noise(100, 3);
const signature = noise(256, 4);
const blocks = formatBlocks({
  machine: 'any',
  version: '1.0',
  securityVersion: null,
  images: new Map([['image-kernel', indexOf('image-kernel', kernel, 4096)]]),
});
const { bytes: record } = tarOf([
  { name: 'MANIFEST', bytes: manifest },
  { name: 'BLOCKS', bytes: blocks },
  { name: 'image-kernel.sig', bytes: signature },
  { name: 'image-kernel', bytes: kernel },
  { name: 'image-rofs', bytes: rofs },
]);
const brings = [
  `MANIFEST ${hex(manifest)}`,
  `index of ${blocks.length} bytes, as its text says`,
  `image-kernel.sig ${hex(signature)}`,
  `kernel of 1300 bytes ${hex(kernel)}`,
  `rofs of 512 bytes ${hex(rofs)}`,
];
// Two zero blocks end a tarball; the rest of the record that follows them need not be there.
const tarball = record.subarray(0, record.findLastIndex((byte) => byte !== 0) + 1);
const padded = Math.ceil(tarball.length / 512) * 512 + 1024;
const tar = record.subarray(0, padded);

bundleReaderSuite('tar', {
  open: (handler) => openBundleReader(platform, handler),
  source: tar,
  brings,
  cut: () => 'ERR_SOURCE_TRUNCATED',
  views: true,
});

bundleReaderSuite('tar.gz', {
  open: (handler) => openBundleReader(platform, handler),
  source: gzipSync(tar),
  brings,
  cut: () => 'ERR_SOURCE_TRUNCATED',
  views: false,
});

for (const size of [kernel.length, null]) {
  bundleReaderSuite(`single image of ${size ?? 'unknown'} bytes`, {
    open: (handler) => openBundleReader(platform, handler, { member: 'image-kernel', size }),
    source: kernel,
    brings: [`kernel of ${size} bytes ${hex(kernel)}`],
    // How long an image is to be, only its handler can know.
    cut: (length) => (length === 0 ? 'ERR_SOURCE_TRUNCATED' : null),
    views: true,
  });
}
