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
import { OperationLock } from './operation-lock.js';

/**
 * The operations of one kind of flash. `CheckedDevice` calls them with ranges that are aligned and within the device,
 * one call at a time, and none after `close`. It passes on their errors.
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

/** A flash device made of a driver. */
export class CheckedDevice implements FlashDevice {
  readonly name: string;
  readonly geometry: Geometry;
  readonly compare?: NonNullable<FlashDevice['compare']>;
  readonly replace?: NonNullable<FlashDevice['replace']>;
  readonly isMapped?: NonNullable<FlashDevice['isMapped']>;
  readonly rewrite?: Rewrite;
  readonly #driver: FlashDriver;
  readonly #bounds: Bounds;
  readonly #lock: OperationLock;

  /** @param name - for messages */
  constructor(name: string, geometry: Geometry, driver: FlashDriver) {
    this.name = name;
    this.geometry = { ...geometry };
    this.#driver = driver;
    this.#bounds = new Bounds(name, this.geometry);
    this.#lock = new OperationLock(name);
    const { compare, replace, isMapped, rewrite } = driver;
    if (compare !== undefined) {
      this.compare = (offset, bytes, options) =>
        this.#lock.run('compare', options, () => {
          this.#bounds.inside('compare', offset, bytes.length);
          return compare.call(driver, offset, bytes);
        });
    }
    if (replace !== undefined) {
      this.replace = (block, bytes, options) =>
        this.#lock.run('replace', options, () => {
          this.#bounds.replace(block, bytes.length);
          return replace.call(driver, block, bytes);
        });
    }
    if (isMapped !== undefined) {
      this.isMapped = (block) =>
        this.#lock.run('isMapped', undefined, () => {
          this.#bounds.blocks('isMapped', block, 1);
          return isMapped.call(driver, block);
        });
    }
    if (rewrite !== undefined) {
      this.rewrite = {
        length: () => this.#lock.run('rewrite', undefined, () => rewrite.length()),
        begin: (length, options) =>
          this.#lock.run('rewrite', options, () => {
            this.#bounds.inside('rewrite', 0, length);
            return rewrite.begin(length);
          }),
        append: (bytes, options) => this.#lock.run('append', options, () => rewrite.append(bytes)),
      };
    }
  }

  read(offset: number, into: Uint8Array, options?: OperationOptions): Promise<void> {
    return this.#lock.run('read', options, () => {
      this.#bounds.inside('read', offset, into.length);
      return this.#driver.read(offset, into);
    });
  }

  erase(block: number, options?: OperationOptions): Promise<void> {
    return this.#lock.run('erase', options, () => {
      this.#bounds.blocks('erase', block, 1);
      return this.#driver.erase(block);
    });
  }

  program(offset: number, bytes: Uint8Array, options?: OperationOptions): Promise<void> {
    return this.#lock.run('program', options, () => {
      this.#bounds.program(offset, bytes.length);
      return this.#driver.program(offset, bytes);
    });
  }

  isBad(block: number): Promise<boolean | Unsupported> {
    return this.#lock.run('isBad', undefined, () => {
      this.#bounds.blocks('isBad', block, 1);
      return this.#driver.isBad(block);
    });
  }

  markBad(block: number): Promise<void | Unsupported> {
    return this.#lock.run('markBad', undefined, () => {
      this.#bounds.blocks('markBad', block, 1);
      return this.#driver.markBad(block);
    });
  }

  unlock(block: number, count: number): Promise<void | Unsupported> {
    return this.#lock.run('unlock', undefined, () => {
      this.#bounds.blocks('unlock', block, count);
      return this.#driver.unlock(block, count);
    });
  }

  eccStats(): Promise<EccStats | Unsupported> {
    return this.#lock.run('eccStats', undefined, () => this.#driver.eccStats());
  }

  sync(): Promise<void> {
    return this.#lock.run('sync', undefined, () => this.#driver.sync());
  }

  close(): Promise<void> {
    return this.#lock.close(() => this.#driver.close());
  }
}
