import { toHex } from '../../bytes.js';
import { toUtf8 } from '../../utf8.js';

/** Characters of a flash address that a person needs to know it by. */
const SHOWN = 40;

/**
 * The file of a journal in a state folder: one for each flash, as two chips with one folder have two journals.
 * @param flash - what names the flash, such as its address; may hold anything
 * @param sha256 - SHA-256 of the host
 */
export function journalName(flash: string, sha256: (bytes: Uint8Array) => Uint8Array): string {
  const shown = flash.slice(-SHOWN).replace(/[^A-Za-z0-9.-]+/g, '_');
  const hash = toHex(sha256(toUtf8(flash)).subarray(0, 8));
  return `journal-${shown}-${hash}`;
}
