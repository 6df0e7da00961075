/**
 * Text that comes from outside, made fit for messages, and text that is read strictly.
 *
 * @packageDocumentation
 */

/** Characters of foreign text that a message quotes at most; enough for any honest name. */
const MAX_QUOTED = 80;

/**
 * Foreign text made fit for a message: in quotation marks, shortened to 80 characters, and with everything escaped that
 * a terminal or a log reader could take for something else.
 */
export function quote(text: string): string {
  const escaped = text.slice(0, MAX_QUOTED).replace(/["\\]|[^\x20-\x7e]/g, (unit) => {
    const code = unit.charCodeAt(0);
    if (unit === '"' || unit === '\\') return `\\${unit}`;
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return text.length > MAX_QUOTED ? `"${escaped}"...` : `"${escaped}"`;
}

/**
 * The number that a canonical decimal stands for (no sign, no leading zero, at most 2^53 - 1), or null when
 * the text is anything else. One spelling for each number, so that a signed text can be written anew and
 * come out the same.
 */
export function parseDecimal(text: string): number | null {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

/** The known word that a misspelt one was probably meant to be, or null. */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: string | null = null;
  // Two slips at most, and never most of the word.
  let least = Math.min(2, Math.floor(word.length / 2)) + 1;
  for (const candidate of known) {
    // So many slips it takes at least; and words may be long.
    if (Math.abs(word.length - candidate.length) >= least) continue;
    const distance = editDistance(word, candidate);
    if (distance >= least) continue;
    least = distance;
    best = candidate;
  }
  return best;
}

/** Levenshtein distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min((row[j] as number) + 1, (next[j - 1] as number) + 1, swap));
    }
    row = next;
  }
  return row[b.length] as number;
}
