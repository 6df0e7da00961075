import { errnoOf } from '../../../core/errors.js';

/**
 * Why a call of the system failed, in its own words: `no such file or directory` of Node's `ENOENT: no such file
 * or directory, open 'x'`, whose path the message names already.
 */
export function systemReason(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  const words = /^[A-Z][A-Z0-9]+: ([^,]+)/.exec(text)?.[1];
  return words ?? errnoOf(thrown) ?? text;
}
