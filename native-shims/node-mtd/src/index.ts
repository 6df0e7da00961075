/**
 * MTD, UBI and block devices of Linux for Node.
 *
 * @packageDocumentation
 */
export type * from './binding.js';
export { BlockDevice, type BlockOptions } from './block.js';
export { type MtdEntry, type MtdType, listMtd } from './discovery/mtd.js';
export { type Roots } from './discovery/roots.js';
export { type UbiAttachment, type UbiEntry, listAttached, listUbi } from './discovery/ubi.js';
export { type NodeMtdCode, NodeMtdError } from './errors.js';
export { loadBinding } from './load.js';
export { type Match } from './match.js';
export { Mtd, type MtdOptions } from './mtd.js';
export { UbiVolume, type UbiOptions } from './ubi.js';
