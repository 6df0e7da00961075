import { imageOf } from '../core/bundle/image-name.js';
import { readFileSync } from 'node:fs';
import { SluiceError } from '../core/errors.js';
import { systemFailure } from '../core/system-reason.js';
import type { SingleImage } from '../core/trust/single-image-trust.js';
import type { TrustPolicy } from '../core/trust/trust.js';
import type { Invocation } from '../config/invocation.js';

/** Largest signature or BLOCKS file, in bytes. */
const MAX_SIDE_FILE_BYTES = 8 * 1024 * 1024;

/**
 * Reads what the options name beside a single image; null if the source is a tarball.
 * @throws SluiceError ERR_USAGE_OPTION, ERR_TRUST_SIGNATURE_MISSING, ERR_SOURCE_UNREADABLE
 */
export function sideFilesOf(invocation: Invocation, policy: TrustPolicy): SingleImage | null {
  const partition = invocation.option('partition');
  const [sig, blocks, blocksSig] = ['sig', 'blocks', 'blocks-sig'].map((name) => invocation.option(name));
  if (partition === undefined) {
    if (sig === undefined && blocks === undefined && blocksSig === undefined) return null;
    throw new SluiceError(
      'ERR_USAGE_OPTION',
      '--sig and --blocks need --partition: they are for a single image',
    );
  }
  if ((blocks === undefined) !== (blocksSig === undefined)) {
    throw new SluiceError('ERR_USAGE_OPTION', '--blocks and --blocks-sig need each other');
  }
  if (policy !== 'unsigned' && sig === undefined && blocks === undefined) {
    throw new SluiceError(
      'ERR_TRUST_SIGNATURE_MISSING',
      `--sig is missing: there is no signature of ${partition}`,
    );
  }
  return {
    name: imageOf(partition),
    signature: sig === undefined ? null : sideFile(sig),
    blocks:
      blocks === undefined || blocksSig === undefined
        ? undefined
        : { text: sideFile(blocks), signature: sideFile(blocksSig) },
  };
}

function sideFile(path: string): Uint8Array {
  try {
    const bytes = readFileSync(path);
    if (bytes.length <= MAX_SIDE_FILE_BYTES) return bytes;
  } catch (cause) {
    throw systemFailure('ERR_SOURCE_UNREADABLE', `cannot read ${path}`, cause);
  }
  throw new SluiceError('ERR_SOURCE_UNREADABLE', `${path} is larger than ${MAX_SIDE_FILE_BYTES} bytes`);
}
