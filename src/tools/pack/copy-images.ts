import { imageOf } from '../../core/bundle/image-name.js';
import { SluiceError } from '../../core/errors.js';
import type { Abort } from '../../core/platform.js';
import type { Material } from './material.js';

/**
 * Reads the material once more and hands on the bytes of some images, in whatever order they come.
 *
 * @param sizes - bytes of the images that are wanted, by name
 * @param put - takes bytes of an image and where in it they begin
 * @throws SluiceError ERR_SOURCE_CHANGED when there are other images than were surveyed; and what `put` throws
 */
export async function copyImages(
  material: Material,
  sizes: ReadonlyMap<string, number>,
  put: (image: string, at: number, bytes: Uint8Array) => void,
  signal?: Abort,
): Promise<void> {
  const left = new Map(sizes);
  const ignored = { write() {}, end() {} };
  await material.each(
    {
      member() {},
      index: () => ignored,
      image({ partition, size }) {
        const name = imageOf(partition);
        const expected = left.get(name);
        if (!left.delete(name)) return ignored;
        if (expected !== size) throw changed(name);
        let at = 0;
        return {
          write(bytes) {
            put(name, at, bytes);
            at += bytes.length;
          },
          end() {},
        };
      },
    },
    signal,
  );
  for (const name of left.keys()) throw changed(name);
}

function changed(member: string): SluiceError {
  return new SluiceError('ERR_SOURCE_CHANGED', `${member} is not as it was in the first reading`, { member });
}
