import type { RawMatch } from './binding.js';

/** How flash stands to bytes: equal; other only in bits that a program can clear; other otherwise. */
export type Match = 'same' | 'clears' | 'differs';

const MATCHES = ['same', 'clears', 'differs'] as const satisfies readonly Match[];

export function toMatch(raw: RawMatch): Match {
  return MATCHES[raw];
}
