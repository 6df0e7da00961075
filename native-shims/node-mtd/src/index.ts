/**
 * MTD, UBI and block devices of Linux for Node.
 *
 * @packageDocumentation
 */
export type * from './binding.js';
