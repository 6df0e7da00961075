/**
 * Who uses flash: what is mounted, attached, swapped to or open for writing must not be written under its user.
 * Linux only; made of /proc and /sys, so it sees what this process may see. What cannot be read or understood
 * there is told as a use, never as none.
 *
 * @packageDocumentation
 */
export { partitionLabel, usersOfBlock, usersOfFile } from './block.js';
export { usersOfMtd } from './mtd.js';
export type { MtdFacts } from './mtd-overlap.js';
export { deviceId, nodeAt, type DeviceNode, type SystemRoots } from './system.js';
export { usersOfUbi, type UbiFacts } from './ubi.js';
