/** Longest excerpt of foreign text that a message quotes; enough for any honest name. */
const EXCERPT = 80;

/**
 * Foreign text (characters 0 to 255) made fit for a message: quoted, shortened, and with everything escaped
 * that a terminal or a log reader could take for something else.
 */
export function quoted(text: string): string {
  let shown = '';
  for (const char of text.slice(0, EXCERPT)) {
    const code = char.charCodeAt(0);
    if (char === '"' || char === '\\') shown += `\\${char}`;
    else if (code < 0x20 || code > 0x7e) shown += `\\x${code.toString(16).padStart(2, '0')}`;
    else shown += char;
  }
  return text.length > EXCERPT ? `"${shown}"...` : `"${shown}"`;
}
