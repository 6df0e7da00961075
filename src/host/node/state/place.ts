import { SluiceError } from '../../../core/errors.js';

/** The state folder that no option says anything about; systemd's StateDirectory=sluice makes it. */
const DEFAULT_FOLDER = '/var/lib/sluice';

/** The kinds of flash that a journal can have a reserved place in. */
export type ReservedKind = 'mtd' | 'ubi' | 'sim';

/** Where the state of a command is kept. */
export type StatePlace =
  | { readonly kind: 'none' }
  | { readonly kind: 'folder'; readonly path: string }
  /** A journal in the file PATH.journal beside a simulated chip, and no audit log. */
  | { readonly kind: 'beside' }
  | { readonly kind: 'flash'; readonly flash: ReservedKind; readonly name: string };

/** How a place is written, for help and messages. */
const PLACE_FORMS = 'a folder, mtd:NAME, ubi:NAME, sim:NAME or none';

/**
 * What `--state` says. A folder whose name looks like something else is written `./none`.
 * @throws SluiceError ERR_USAGE_STATE
 */
export function parsePlace(text: string): StatePlace {
  if (text === 'none') return { kind: 'none' };
  const [, flash, name] = /^(mtd|ubi|sim):(.*)$/s.exec(text) ?? [];
  if (flash === undefined) return { kind: 'folder', path: text };
  if (name === undefined || name === '' || name.includes('/')) {
    throw new SluiceError(
      'ERR_USAGE_STATE',
      `${text} names no reserved partition; a place is ${PLACE_FORMS}`,
    );
  }
  return { kind: 'flash', flash: flash as ReservedKind, name };
}

/** The folder where nothing is said: what systemd has made, else the usual one. */
export function defaultFolder(env: NodeJS.ProcessEnv): string {
  // systemd separates several with a colon; the first one is the service's own.
  return env['STATE_DIRECTORY']?.split(':')[0] || DEFAULT_FOLDER;
}

/**
 * The place where nothing is said: the folder; for a simulated chip a file beside it, so that nothing of this machine
 * is needed.
 * @param flash - address of the flash that is written
 */
export function defaultPlace(flash: string, env: NodeJS.ProcessEnv): StatePlace {
  if (flash.startsWith('sim:')) return { kind: 'beside' };
  return { kind: 'folder', path: defaultFolder(env) };
}

/** A place as it was written. */
export function placeText(place: StatePlace): string {
  switch (place.kind) {
    case 'none':
      return 'none';
    case 'beside':
      return 'a file beside the chip';
    case 'folder':
      return place.path;
    case 'flash':
      return `${place.flash}:${place.name}`;
  }
}
