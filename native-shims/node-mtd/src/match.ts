import type { RawMatch } from './binding.js';

/** Flash compared with wanted bytes: equal; only bits to clear, which a program can do; some bit to set. */
export type Match = 'same' | 'clears' | 'differs';

const MATCHES = ['same', 'clears', 'differs'] as const satisfies readonly Match[];

export function toMatch(raw: RawMatch): Match {
  return MATCHES[raw];
}
