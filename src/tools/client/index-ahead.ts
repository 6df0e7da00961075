import { isImageName } from '../../core/bundle/image-name.js';
import { nodePlatform } from '../../host/node/platform.js';
import { TarReader } from '../../core/bundle/tar/tar-reader.js';
import type { Source } from '../../host/node/sources/source.js';
import { GzipFront } from '../../core/bundle/decode/gzip-front.js';

/** Bytes of a bundle that are looked at: the members ahead of the first image are small. */
const LOOK = 4 * 1024 * 1024;

/**
 * Whether a bundle brings the block index that lets the service prove each block as it comes. What it says is not
 * proven here; false also for what is no bundle, which the service will find out with the right words.
 */
export async function hasIndexAhead(source: Source): Promise<boolean> {
  let indexed = false;
  let over = false;
  const reader = new TarReader({
    begin: ({ name }) => {
      if (name === 'BLOCKS.sig' && !over) indexed = true;
      if (isImageName(name)) over = true;
    },
    data: () => {},
    finish: () => {},
  });
  const front = new GzipFront(await nodePlatform(), reader);
  let seen = 0;
  try {
    await source.pump(
      async (bytes) => {
        seen += bytes.length;
        await front.write(bytes);
      },
      { until: () => over || seen > LOOK },
    );
  } catch {
    return false;
  }
  return indexed;
}
