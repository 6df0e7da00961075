import type { FlashTarget, Partition } from '../flash/device.js';
import { findLayout, partitionsOf, type Layout } from '../flash/layout.js';
import type { SimChipOptions } from './chip-options.js';
import { SimChip } from './chip.js';
import { MemoryStore } from './memory-store.js';
import { geometryFor, type ShapeOptions } from './shape.js';

/** Options of `memoryTarget`: those of the chip, and its shape. */
export interface MemoryTargetOptions extends Omit<SimChipOptions, 'geometry'>, ShapeOptions {
  /** Bytes of the chip, not copied. @default an erased chip */
  readonly content?: Uint8Array | undefined;
}

/** A flash target whose chip is in memory. */
export interface MemoryTarget extends FlashTarget {
  readonly chip: SimChip;
  /** The raw bytes of the chip, live. */
  readonly bytes: Uint8Array;
  /** Closes the target and opens it again, as after a power cut, with what is left of the fault plan. */
  reopen(options?: Pick<MemoryTargetOptions, 'faults' | 'onOperation'>): Promise<MemoryTarget>;
}

/**
 * A simulated chip in memory, divided into partitions.
 * @param layout - a layout or the name of one
 * @throws SluiceError ERR_USAGE_LAYOUT for an unknown name, ERR_USAGE_SIM if the options do not fit
 */
export function memoryTarget(layout: Layout | string, options: MemoryTargetOptions = {}): MemoryTarget {
  const found = typeof layout === 'string' ? findLayout(layout) : layout;
  const geometry = geometryFor(found, options);
  const fresh = options.content === undefined;
  const store = new MemoryStore(options.content ?? geometry.size);
  if (fresh) markFactoryBad(store, options.factoryBad ?? [], geometry.eraseSize);
  return new MemoryChipTarget(found, store, { ...options, geometry });
}

/** Fills bad blocks with 0: a bad block of 0xFF would hide a reader that does not skip it. */
export function markFactoryBad(
  store: { fill(offset: number, length: number, value: number): void },
  blocks: readonly number[],
  eraseSize: number,
): void {
  for (const block of blocks) store.fill(block * eraseSize, eraseSize, 0);
}

class MemoryChipTarget implements MemoryTarget {
  readonly address: string;
  readonly chip: SimChip;
  readonly partitions: ReadonlyMap<string, Partition>;
  readonly #layout: Layout;
  readonly #store: MemoryStore;
  readonly #options: SimChipOptions;

  constructor(layout: Layout, store: MemoryStore, options: SimChipOptions) {
    this.chip = new SimChip(store, options);
    this.address = `memory:${layout.name}`;
    this.partitions = partitionsOf(layout, this.chip);
    this.#layout = layout;
    this.#store = store;
    this.#options = options;
  }

  get bytes(): Uint8Array {
    return this.#store.bytes;
  }

  close(): Promise<void> {
    return this.chip.close();
  }

  async reopen(options: Pick<MemoryTargetOptions, 'faults' | 'onOperation'> = {}): Promise<MemoryTarget> {
    await this.close();
    const state = { ...this.#options, ...this.chip.state(), onOperation: this.chip.onOperation };
    return new MemoryChipTarget(this.#layout, this.#store, { ...state, ...options });
  }
}
