import { UnknownUseError } from './system.js';

/** More than this in one message is noise. */
const SHOWN = 4;

/** Phrases as one. */
export function sentence(uses: readonly string[]): string {
  const shown = uses.slice(0, SHOWN).join(' and ');
  return uses.length > SHOWN ? `${shown} and used in ${uses.length - SHOWN} more ways` : shown;
}

/** The uses that `look` finds, as one phrase; if the system cannot be understood, the phrase says that. */
export function answer(look: () => readonly string[]): string | null {
  try {
    const uses = [...new Set(look())];
    return uses.length === 0 ? null : sentence(uses);
  } catch (thrown) {
    if (!(thrown instanceof UnknownUseError)) throw thrown;
    return `perhaps in use, which cannot be known: ${thrown.message}`;
  }
}
