import { SluiceError } from '../errors.js';
import {
  UNSUPPORTED,
  type EccStats,
  type FlashDevice,
  type Geometry,
  type OperationOptions,
  type Unsupported,
} from '../flash/device.js';
import { Bounds } from '../flash/bounds.js';
import { OperationLock } from '../flash/operation-lock.js';
import { BadBlocks } from './bad-blocks.js';
import type { Cells } from './cells.js';
import { checkChipOptions, type ChipState, type SaveReason, type SimChipOptions } from './chip-options.js';
import { VirtualClock, type Clock } from './clock.js';
import { Ecc } from './ecc.js';
import { FAILURE_CODES, onStore } from './failure.js';
import { FaultPlan, type OperationKind } from './fault-plan.js';
import { checkFaults, type CutFault, type FailFault, type TearMoment } from './faults.js';
import { NandCells } from './nand-cells.js';
import { Noise } from './noise.js';
import { NorCells } from './nor-cells.js';
import { Counters, type ChipOperation, type ChipStats, type ChipTotals } from './stats.js';
import type { ChipStore } from './store.js';
import { TornBlocks } from './torn-blocks.js';
import { eraseMs, leastMs, NO_TIMING, programMs, readMs, type TimingModel } from './timing.js';

/** Where a failing operation is torn, each entry equally likely. */
const TEAR_MOMENTS: readonly TearMoment[] = ['begun', 'torn', 'torn', 'ending'];

/** W25N01GV corrects one bit in each of the four 512-byte sectors of a page. */
const DEFAULT_ECC_STRENGTH = 4;

/**
 * A simulated NOR or NAND chip, stricter than silicon: operations with an undefined result are refused.
 *
 * Beyond the contract of `FlashDevice`, a program that would have to set a bit (NOR) or that programs a page
 * twice between erases (NAND) is ERR_FLASH_NOT_ERASED and changes nothing. An operation takes effect after its time
 * has passed, which exposes callers that reuse a buffer too early. A fault or a power cut leaves a torn block or
 * page, with bits that stay unstable until the block is erased.
 */
export class SimChip implements FlashDevice {
  readonly name: string;
  readonly geometry: Geometry;
  readonly timing: TimingModel;
  /** Called after each operation that was not refused. */
  onOperation: ((operation: ChipOperation) => void) | undefined;

  readonly #store: ChipStore;
  readonly #bounds: Bounds;
  readonly #cells: Cells;
  readonly #clock: Clock;
  readonly #plan: FaultPlan;
  readonly #eraseMs: number;
  readonly #ecc: Ecc;
  readonly #torn: TornBlocks;
  readonly #bad: BadBlocks;
  readonly #wear: Uint32Array;
  readonly #counters = new Counters();
  readonly #onSave: ((reason: SaveReason) => void) | undefined;
  readonly #lock: OperationLock;
  #powered = true;

  /**
   * @param store - the bytes; the chip closes it
   * @throws SluiceError ERR_USAGE_SIM if the options do not fit each other or the store
   */
  constructor(store: ChipStore, options: SimChipOptions) {
    checkChipOptions(options, store.size);
    const { geometry } = options;
    const faults = options.faults ?? [];
    checkFaults(faults, geometry);
    this.name = options.name ?? 'sim';
    this.geometry = { ...geometry };
    this.timing = options.timing ?? NO_TIMING;
    this.onOperation = options.onOperation;
    this.#store = store;
    this.#bounds = new Bounds(this.name, this.geometry);
    this.#lock = new OperationLock(this.name);
    this.#plan = new FaultPlan(faults);
    this.#torn = new TornBlocks(this.geometry, options.torn);
    const KindOfCells = geometry.type === 'nand' ? NandCells : NorCells;
    this.#cells = new KindOfCells(store, geometry, this.#torn, this.#plan.stuck);
    this.#clock = options.clock ?? new VirtualClock();
    this.#eraseMs = eraseMs(this.timing, geometry.eraseSize);
    this.#ecc = new Ecc(geometry.writeSize, options.eccStrength ?? DEFAULT_ECC_STRENGTH);
    this.#bad = new BadBlocks(options.factoryBad, options.grownBad);
    this.#wear = options.wear?.slice() ?? new Uint32Array(geometry.size / geometry.eraseSize);
    this.#onSave = options.onSave;
  }

  read(offset: number, into: Uint8Array, options?: OperationOptions): Promise<void> {
    return this.#run('read', options, async () => {
      const { length } = into;
      this.#bounds.inside('read', offset, length);
      const ms = readMs(this.timing, length);
      await this.#clock.pass(ms);
      const { eraseSize } = this.geometry;
      const block = Math.floor(offset / eraseSize);
      const last = Math.floor((offset + Math.max(length, 1) - 1) / eraseSize);
      const hit = this.#plan.next('read', block, last);
      if (hit !== null) this.#applyFault(hit, 'read', offset, into, ms);
      const hasEcc = this.geometry.type === 'nand';
      onStore(this.name, 'read', block, () =>
        this.#cells.read(offset, into, (flips) => hasEcc && this.#ecc.correct(flips)),
      );
      this.#ecc.applyFlips(this.#plan, offset, into);
      this.#finish('read', offset, length, ms, 'done');
    });
  }

  erase(block: number, options?: OperationOptions): Promise<void> {
    return this.#run('erase', options, async () => {
      this.#bounds.blocks('erase', block, 1);
      await this.#clock.pass(this.#eraseMs);
      const { eraseSize } = this.geometry;
      const offset = block * eraseSize;
      const hit = this.#plan.next('erase', block, block);
      if (hit !== null) this.#applyFault(hit, 'erase', offset, null, this.#eraseMs);
      this.#refuseBad('erase', offset, eraseSize, this.#eraseMs);
      onStore(this.name, 'erase', block, () => this.#cells.erase(block));
      this.#finish('erase', offset, eraseSize, this.#eraseMs, 'done');
    });
  }

  program(offset: number, bytes: Uint8Array, options?: OperationOptions): Promise<void> {
    return this.#run('program', options, async () => {
      this.#bounds.program(offset, bytes.length);
      const block = Math.floor(offset / this.geometry.eraseSize);
      const ms = programMs(this.timing, offset, bytes.length);
      await this.#clock.pass(ms);
      // A bad block fails whatever it holds. In a good block misuse is reported before any failure.
      if (!this.#bad.has(block)) onStore(this.name, 'program', block, () => this.#cells.check(offset, bytes));
      const hit = this.#plan.next('program', block, block);
      if (hit !== null) this.#applyFault(hit, 'program', offset, bytes, ms);
      this.#refuseBad('program', offset, bytes.length, ms);
      onStore(this.name, 'program', block, () => this.#cells.program(offset, bytes));
      this.#finish('program', offset, bytes.length, ms, 'done');
    });
  }

  estimate(eraseBlocks: number, programBytes: number): number {
    return leastMs(this.timing, this.geometry, { eraseBlocks, programBytes });
  }

  isBad(block: number): Promise<boolean | Unsupported> {
    return this.#runInstantly('isBad', () => {
      this.#bounds.blocks('isBad', block, 1);
      return this.geometry.type === 'nand' ? this.#bad.has(block) : UNSUPPORTED;
    });
  }

  markBad(block: number): Promise<void | Unsupported> {
    return this.#runInstantly('markBad', () => {
      this.#bounds.blocks('markBad', block, 1);
      if (this.geometry.type !== 'nand') return UNSUPPORTED;
      this.#bad.mark(block);
      this.#onSave?.('mark-bad');
      const { eraseSize } = this.geometry;
      const offset = block * eraseSize;
      this.onOperation?.({ kind: 'mark-bad', block, offset, length: eraseSize, outcome: 'done' });
      return undefined;
    });
  }

  /** The chip has no locks. */
  unlock(block: number, count: number): Promise<void | Unsupported> {
    return this.#runInstantly('unlock', () => {
      this.#bounds.blocks('unlock', block, count);
      return UNSUPPORTED;
    });
  }

  eccStats(): Promise<EccStats | Unsupported> {
    return this.#runInstantly('eccStats', () => {
      return this.geometry.type === 'nand' ? this.#ecc.stats : UNSUPPORTED;
    });
  }

  sync(): Promise<void> {
    return this.#runInstantly('sync', () => {
      onStore(this.name, 'program', undefined, () => this.#store.sync());
      this.#onSave?.('sync');
    });
  }

  close(): Promise<void> {
    return this.#lock.close(() => this.#shut());
  }

  /** Cuts the power between two operations; later ones fail with ERR_FLASH_POWER_CUT until the chip is opened again. */
  cutPower(): void {
    this.#powered = false;
    this.#onSave?.('cut');
  }

  /** `stats` without the wear of each block, which takes 4 bytes a block. */
  totals(): ChipTotals {
    return this.#counters.totals();
  }

  /** Counts since the chip was opened. Like `state`, can be called during an operation. */
  stats(): ChipStats {
    return { ...this.#counters.totals(), wear: this.#wear.slice() };
  }

  /** The state to pass to the next chip on the same store; `wear` is live. */
  state(): ChipState {
    return {
      factoryBad: this.#bad.factory(),
      grownBad: this.#bad.grown(),
      faults: this.#plan.remaining(),
      wear: this.#wear,
      torn: this.#torn.list(),
    };
  }

  #run<T>(what: string, options: OperationOptions | undefined, operation: () => Promise<T>): Promise<T> {
    return this.#lock.run(what, options, () => {
      if (!this.#powered) {
        throw new SluiceError('ERR_FLASH_POWER_CUT', `${this.name}: ${what} without power`);
      }
      return operation();
    });
  }

  /** Runs an operation that takes no chip time; no other can run until its promise settles. */
  #runInstantly<T>(what: string, act: () => T): Promise<T> {
    return this.#run(what, undefined, async () => {
      await this.#clock.pass(0);
      return act();
    });
  }

  #shut(): void {
    try {
      onStore(this.name, 'program', undefined, () => this.#store.sync());
    } finally {
      this.#store.close();
      this.#onSave?.('close');
    }
  }

  #refuseBad(kind: 'erase' | 'program', offset: number, length: number, ms: number): void {
    const block = Math.floor(offset / this.geometry.eraseSize);
    if (!this.#bad.has(block)) return;
    this.#finish(kind, offset, length, ms, 'failed');
    throw new SluiceError(FAILURE_CODES[kind], `${this.name}: ${kind} refused, the block is marked bad`, {
      block,
    });
  }

  /** Leaves the flash as the fault does, and throws. */
  #applyFault(
    fault: FailFault | CutFault,
    kind: OperationKind,
    offset: number,
    bytes: Uint8Array | null,
    ms: number,
  ): never {
    const block = Math.floor(offset / this.geometry.eraseSize);
    const length = bytes?.length ?? this.geometry.eraseSize;
    const bad = kind !== 'read' && this.#bad.has(block);
    if (fault.kind === 'fail') {
      if (!bad) this.#tearOperation(kind, block, offset, bytes, null, 1);
      this.#finish(kind, offset, length, ms, 'failed');
      throw new SluiceError(FAILURE_CODES[kind], `${this.name}: ${kind} failed, as the fault plan asks`, {
        block,
      });
    }
    const { when } = fault;
    if (when !== 'before' && when !== 'after' && !bad) {
      this.#tearOperation(kind, block, offset, bytes, when, fault.seed);
    } else if (when === 'after' && !bad) {
      if (kind === 'erase') onStore(this.name, kind, block, () => this.#cells.erase(block));
      if (kind === 'program' && bytes !== null) {
        onStore(this.name, kind, block, () => this.#cells.program(offset, bytes));
      }
    }
    this.#powered = false;
    if (when === 'before') this.onOperation?.({ kind, block, offset, length, outcome: 'cut' });
    else this.#finish(kind, offset, length, ms, 'cut');
    this.#onSave?.('cut');
    const how = `power cut ${describeMoment(fault)} ${kind} of block ${block}`;
    throw new SluiceError('ERR_FLASH_POWER_CUT', `${this.name}: ${how}`, { block });
  }

  /** @param when - null to choose one by the noise */
  #tearOperation(
    kind: OperationKind,
    block: number,
    offset: number,
    bytes: Uint8Array | null,
    when: TearMoment | null,
    seed: number,
  ): void {
    // The operation count makes each failure of one fault different, and all of them repeatable.
    const noise = new Noise(seed + Math.imul(this.#counters.erases + this.#counters.programs, 0x9e3779b1));
    const moment = when ?? (TEAR_MOMENTS[noise.below(TEAR_MOMENTS.length)] as TearMoment);
    if (kind === 'erase') onStore(this.name, kind, block, () => this.#cells.tearErase(block, moment, noise));
    if (kind === 'program' && bytes !== null) {
      onStore(this.name, kind, block, () => this.#cells.tearProgram(offset, bytes, moment, noise));
    }
  }

  #finish(
    kind: OperationKind,
    offset: number,
    length: number,
    ms: number,
    outcome: ChipOperation['outcome'],
  ): void {
    const block = Math.floor(offset / this.geometry.eraseSize);
    this.#counters.count(kind, length, ms);
    if (kind === 'erase') this.#wear[block] = (this.#wear[block] as number) + 1;
    this.onOperation?.({ kind, block, offset, length, outcome });
  }
}

function describeMoment({ when }: CutFault): string {
  if (when === 'torn') return 'inside the';
  if (when === 'begun') return 'at the beginning of the';
  return when === 'ending' ? 'at the end of the' : `${when} the`;
}
