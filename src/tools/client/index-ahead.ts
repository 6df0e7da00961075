import type { BundleHandler, PartSink } from '../../core/bundle/bundle-reader.js';
import { signatureOf } from '../../core/bundle/members.js';
import { openBundleReader } from '../../core/bundle/open-bundle-reader.js';
import { nodePlatform } from '../../host/node/platform.js';
import type { Source } from '../../host/node/sources/source.js';

/** Bytes of a bundle that are searched: the members ahead of the first image are small. */
const MAX_LOOKAHEAD_BYTES = 4 * 1024 * 1024;

const IGNORED: PartSink = { write() {}, end() {} };

/**
 * Whether a bundle brings the block index that lets the service verify each block as it comes. The index
 * is not verified here. False also for a source that is not a bundle: the service reports that error.
 */
export async function hasIndexAhead(source: Source): Promise<boolean> {
  let indexed = false;
  let over = false;
  const handler: BundleHandler = {
    member(name) {
      if (name === signatureOf('BLOCKS') && !over) indexed = true;
    },
    index: () => IGNORED,
    image() {
      over = true;
      return IGNORED;
    },
  };
  const reader = openBundleReader(await nodePlatform(), handler);
  let seen = 0;
  try {
    await source.pump(
      async (bytes) => {
        seen += bytes.length;
        await reader.write(bytes);
      },
      { until: () => over || seen > MAX_LOOKAHEAD_BYTES },
    );
  } catch {
    return false;
  }
  return indexed;
}
