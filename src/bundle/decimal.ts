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
