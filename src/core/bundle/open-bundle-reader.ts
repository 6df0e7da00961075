import type { Platform } from '../platform.js';
import type { BundleHandler, BundleReader } from './bundle-reader.js';
import { DecodeChain } from './decode/decode-chain.js';
import { MemberDispatch } from './member-dispatch.js';
import { SingleImageReader, type SingleSource } from './single-image.js';
import { TarReader } from './tar/tar-reader.js';

/**
 * The reader for a source: a tarball, packed or not, unless the caller says that the source is a single image. A format
 * that is known by its first bytes gets its place behind the decode chain here.
 */
export function openBundleReader(
  platform: Platform,
  handler: BundleHandler,
  single: SingleSource | null = null,
): BundleReader {
  if (single !== null) return new SingleImageReader(single, handler);
  return new DecodeChain(platform, new TarReader(new MemberDispatch(handler)));
}
