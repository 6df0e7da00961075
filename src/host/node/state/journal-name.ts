import { createHash } from 'node:crypto';

/** Characters of a flash address that a person needs to know it by. */
const SHOWN = 40;

/**
 * The file of a journal in a state folder: one for each flash, as two chips with one folder have two journals.
 * @param flash - what names the flash, such as its address; may hold anything
 */
export function journalName(flash: string): string {
  const shown = flash.slice(-SHOWN).replace(/[^A-Za-z0-9.-]+/g, '_');
  const hash = createHash('sha256').update(flash).digest('hex').slice(0, 16);
  return `journal-${shown}-${hash}`;
}
