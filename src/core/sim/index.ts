/**
 * The portable part of the simulated chip: everything except chips in files and scaled real time.
 *
 * @packageDocumentation
 */
export { findLayout, LAYOUT_NAMES, LAYOUTS, parseLayout, partitionsOf } from '../flash/layout.js';
export type { Layout, LayoutPartition } from '../flash/layout.js';
export { SimChip } from './chip.js';
export type { ChipState, SaveReason, SimChipOptions } from './chip-options.js';
export { VirtualClock } from './clock.js';
export type { Clock } from './clock.js';
export { formatDescription, parseDescription } from './description.js';
export type { ChipDescription } from './description.js';
export { checkFaults, formatFault, parseFault } from './faults.js';
export type {
  CutFault,
  CutMoment,
  FailFault,
  Fault,
  FaultOperation,
  FlipFault,
  StuckFault,
  TearMoment,
  Times,
  Trigger,
} from './faults.js';
export { MemoryStore } from './memory-store.js';
export { memoryTarget } from './memory-target.js';
export type { MemoryTarget, MemoryTargetOptions } from './memory-target.js';
export { geometryFor } from './shape.js';
export type { ShapeOptions } from './shape.js';
export type { ChipOperation, ChipStats, ChipTotals } from './stats.js';
export type { ChipStore } from './store.js';
export {
  eraseMs,
  findTiming,
  leastMs,
  NO_TIMING,
  programMs,
  readMs,
  TIMING_NAMES,
  TIMINGS,
} from './timing.js';
export type { EraseTime, NeededOperations, TimingModel } from './timing.js';
export type { TornBlock } from './torn-blocks.js';
