/**
 * sluice as a library for Node: the portable core and what Node adds to it.
 *
 * @packageDocumentation
 */
export * from './core/index.js';
export { nodePlatform } from './host/node/platform.js';
export { loadKeys } from './host/node/keys.js';
export { openFlash } from './host/node/flash/open-flash.js';
export { openSource } from './host/node/sources/open-source.js';
export type { Source } from './host/node/sources/source.js';
