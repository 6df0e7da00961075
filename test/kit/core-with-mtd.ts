/** The core and the MTD driver on a chip in memory, as one script: the core's own index leaves drivers to the hosts. */
export * from '../../src/core/index.js';
export { mtdTarget } from './memory-mtd.js';
