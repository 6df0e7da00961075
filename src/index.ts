/**
 * sluice as a library for Node: the portable core and what Node adds to it.
 *
 * @packageDocumentation
 */
export * from './core.js';
export { nodePlatform } from './board/node-platform.js';
export { loadKeys } from './board/node-keys.js';
export { openFlash } from './flash/open.js';
export { openSource } from './ingress/open-source.js';
export type { Source } from './ingress/source.js';
