import { performance } from 'node:perf_hooks';
import { memoryTarget } from '../src/core/index.js';
import { generateBundle } from '../test/kit/generated-bundle.js';
import { fromFile, saveBundle } from './bundle-file.js';
import type { Took } from './launched.js';
import { ownCpu } from './machine.js';
import { layoutOf, writeBundle } from './update.js';

/** Writes one bundle again and again to a chip that takes no time. */
export class BareWrites {
  readonly #path: string;
  /** The same for all: what has to be found for so large a chip is not what is measured. */
  readonly #content: Uint8Array;

  /**
   * Makes the bundle: keys are those of this process.
   * @param path - for the bundle, which stays there
   * @param size - bytes of its image and of the chip, a whole number of erase blocks
   */
  constructor(path: string, size: number) {
    this.#path = path;
    this.#content = new Uint8Array(size);
    saveBundle(path, generateBundle({ images: [{ name: 'rofs', size, seed: 1 }] }));
  }

  /** The chip is of zeros: every block has to be erased and programmed whole. */
  async once(): Promise<Took> {
    const content = this.#content.fill(0);
    const cpu = ownCpu();
    const start = performance.now();
    const target = memoryTarget(layoutOf(content.length), { content });
    try {
      const { partitions } = await fromFile(this.#path, (source) =>
        writeBundle(target, (take) => source.pump(take)),
      );
      const blocks = content.length / target.chip.geometry.eraseSize;
      if (partitions['rofs']?.erased !== blocks) {
        throw new Error(`${partitions['rofs']?.erased} blocks were erased, not ${blocks}`);
      }
    } finally {
      await target.close();
    }
    return { seconds: (performance.now() - start) / 1000, cpu: ownCpu() - cpu };
  }
}
