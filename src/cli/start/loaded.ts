/** Where make-cache.ts, in the program, has loader.ts put the scripts that it loads. */
export const LOADED = Symbol.for('sluice.loaded');
