/**
 * Quotes foreign text for messages and parses text strictly.
 *
 * @packageDocumentation
 */

/** Characters of foreign text in a message. */
const MAX_QUOTED_CHARS = 80;

/**
 * Foreign text for a message: in quotation marks, shortened to 80 characters, with everything but printable ASCII
 * escaped, so that it cannot control a terminal or forge a line of a log.
 */
export function quote(text: string): string {
  const escaped = text.slice(0, MAX_QUOTED_CHARS).replace(/["\\]|[^\x20-\x7e]/g, (unit) => {
    const code = unit.charCodeAt(0);
    if (unit === '"' || unit === '\\') return `\\${unit}`;
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
  return text.length > MAX_QUOTED_CHARS ? `"${escaped}"...` : `"${escaped}"`;
}

/** What can drive a terminal, reorder a line or end it: control characters, marks of direction, ends of lines. */
const UNPRINTABLE = /[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069]/g;

/** Text of any origin as one line for a terminal or a log: every character that is not printed becomes `?`. */
export function printable(text: string): string {
  return text.replace(UNPRINTABLE, '?');
}

/**
 * The name of a partition for a message: as it is if it is one word of printable ASCII, else quoted. The kernel lets
 * the name of an MTD be any text.
 */
export function quoteName(name: string): string {
  return /^$|[^!-~]|[",\\]/.test(name) ? quote(name) : name;
}

/**
 * The names of a list with commas between them. A backslash before a comma or a backslash makes it a part of the name,
 * as MTDs have names such as `NAND 128MiB 3,3V 8-bit`. Blanks around a name are dropped.
 * @returns null if a name is empty
 */
export function splitNames(list: string): string[] | null {
  const names = (list.match(/(?:^|,)(?:\\.|[^,])*/gsu) ?? ['']).map((part) =>
    part
      .replace(/^,/, '')
      .trim()
      .replace(/\\([\\,])/g, '$1'),
  );
  return names.includes('') ? null : names;
}

/** The list that `splitNames` takes apart. */
export function joinNames(names: readonly string[]): string {
  return names.map((name) => name.replace(/[\\,]/g, '\\$&')).join(',');
}

/**
 * The value of a canonical decimal (no sign, no leading zero, at most 2^53 - 1); null for any other text. With one
 * spelling for each number, a signed text can be parsed and formatted without a change.
 */
export function parseDecimal(text: string): number | null {
  if (!/^(?:0|[1-9][0-9]{0,15})$/.test(text)) return null;
  const value = Number(text);
  return Number.isSafeInteger(value) ? value : null;
}

/** The known word that a misspelt one probably means, or null. */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: string | null = null;
  // At most two edits, and at most half of the word.
  let least = Math.min(2, Math.floor(word.length / 2)) + 1;
  for (const candidate of known) {
    // The distance is at least the difference of the lengths; skips long words early.
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
