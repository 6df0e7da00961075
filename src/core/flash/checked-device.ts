import { Bounds } from './bounds.js';
import type {
  EccStats,
  FlashDevice,
  Geometry,
  Match,
  OperationOptions,
  Rewrite,
  Unsupported,
} from './device.js';
import { Turnstile } from './turnstile.js';

/**
 * The operations of one kind of flash without the manners of the contract: `CheckedDevice` sees to it that they
 * get what is aligned and within the device, one at a time, and nothing after `close`. What they throw is theirs.
 */
export interface FlashDriver {
  read(offset: number, into: Uint8Array): Promise<void>;
  erase(block: number): Promise<void>;
  program(offset: number, bytes: Uint8Array): Promise<void>;
  compare?(offset: number, bytes: Uint8Array): Promise<Match>;
  replace?(block: number, bytes: Uint8Array): Promise<void>;
  isMapped?(block: number): Promise<boolean>;
  readonly rewrite?: Rewrite;
  isBad(block: number): Promise<boolean | Unsupported>;
  markBad(block: number): Promise<void | Unsupported>;
  unlock(block: number, count: number): Promise<void | Unsupported>;
  eccStats(): Promise<EccStats | Unsupported>;
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** A flash device that is made of a driver. */
export class CheckedDevice implements FlashDevice {
  readonly name: string;
  readonly geometry: Geometry;
  readonly compare?: NonNullable<FlashDevice['compare']>;
  readonly replace?: NonNullable<FlashDevice['replace']>;
  readonly isMapped?: NonNullable<FlashDevice['isMapped']>;
  readonly rewrite?: Rewrite;
  readonly #driver: FlashDriver;
  readonly #bounds: Bounds;
  readonly #turnstile: Turnstile;

  /** @param name - for messages */
  constructor(name: string, geometry: Geometry, driver: FlashDriver) {
    this.name = name;
    this.geometry = { ...geometry };
    this.#driver = driver;
    this.#bounds = new Bounds(name, this.geometry);
    this.#turnstile = new Turnstile(name);
    const { compare, replace, isMapped, rewrite } = driver;
    if (compare !== undefined) {
      this.compare = (offset, bytes, options) =>
        this.#turnstile.run('compare', options, () => {
          this.#bounds.inside('compare', offset, bytes.length);
          return compare.call(driver, offset, bytes);
        });
    }
    if (replace !== undefined) {
      this.replace = (block, bytes, options) =>
        this.#turnstile.run('replace', options, () => {
          this.#bounds.replace(block, bytes.length);
          return replace.call(driver, block, bytes);
        });
    }
    if (isMapped !== undefined) {
      this.isMapped = (block) =>
        this.#turnstile.run('isMapped', undefined, () => {
          this.#bounds.blocks('isMapped', block, 1);
          return isMapped.call(driver, block);
        });
    }
    if (rewrite !== undefined) {
      this.rewrite = {
        length: () => this.#turnstile.run('rewrite', undefined, () => rewrite.length()),
        begin: (length, options) =>
          this.#turnstile.run('rewrite', options, () => {
            this.#bounds.inside('rewrite', 0, length);
            return rewrite.begin(length);
          }),
        append: (bytes, options) => this.#turnstile.run('append', options, () => rewrite.append(bytes)),
      };
    }
  }

  read(offset: number, into: Uint8Array, options?: OperationOptions): Promise<void> {
    return this.#turnstile.run('read', options, () => {
      this.#bounds.inside('read', offset, into.length);
      return this.#driver.read(offset, into);
    });
  }

  erase(block: number, options?: OperationOptions): Promise<void> {
    return this.#turnstile.run('erase', options, () => {
      this.#bounds.blocks('erase', block, 1);
      return this.#driver.erase(block);
    });
  }

  program(offset: number, bytes: Uint8Array, options?: OperationOptions): Promise<void> {
    return this.#turnstile.run('program', options, () => {
      this.#bounds.program(offset, bytes.length);
      return this.#driver.program(offset, bytes);
    });
  }

  isBad(block: number): Promise<boolean | Unsupported> {
    return this.#turnstile.run('isBad', undefined, () => {
      this.#bounds.blocks('isBad', block, 1);
      return this.#driver.isBad(block);
    });
  }

  markBad(block: number): Promise<void | Unsupported> {
    return this.#turnstile.run('markBad', undefined, () => {
      this.#bounds.blocks('markBad', block, 1);
      return this.#driver.markBad(block);
    });
  }

  unlock(block: number, count: number): Promise<void | Unsupported> {
    return this.#turnstile.run('unlock', undefined, () => {
      this.#bounds.blocks('unlock', block, count);
      return this.#driver.unlock(block, count);
    });
  }

  eccStats(): Promise<EccStats | Unsupported> {
    return this.#turnstile.run('eccStats', undefined, () => this.#driver.eccStats());
  }

  sync(): Promise<void> {
    return this.#turnstile.run('sync', undefined, () => this.#driver.sync());
  }

  close(): Promise<void> {
    return this.#turnstile.close(() => this.#driver.close());
  }
}
