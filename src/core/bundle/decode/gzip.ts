import { SluiceError } from '../../errors.js';
import type { Decoder } from './decoder.js';

/** gzip, as far as the platform brings a decompressor. */
export const gzip: Decoder = {
  // RFC 1952, 2.3.1. A tar header cannot begin so: names are ASCII.
  magic: [0x1f, 0x8b],
  async unpack(platform, sink) {
    if (platform.gunzip !== undefined) return platform.gunzip(sink);
    throw new SluiceError(
      'ERR_SOURCE_GZIP',
      'the source is compressed with gzip, which this build cannot read',
    );
  },
};
