/** More of a name than this tells a reader nothing. */
const LONGEST = 80;

/**
 * A name that the system gave, for a message: quoted, and with everything escaped that a terminal could take for
 * something else.
 */
export function shown(name: string): string {
  const text = name.length > LONGEST ? `${name.slice(0, LONGEST)}...` : name;
  return JSON.stringify(text).replace(/[^\x20-\x7e]/g, (unit) => {
    return `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
  });
}
