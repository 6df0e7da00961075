import { userInfo } from 'node:os';
import { AuditLog } from '../board/state/audit-log.js';
import type { AuditHead, AuditOrigin } from '../board/state/audit-line.js';
import { openJournalled, type JournalledTarget } from '../board/state/journalled-flash.js';
import { parsePlace, usualPlace, type StatePlace } from '../board/state/place.js';
import { asSluiceError, SluiceError, type ErrorCode } from '../errors.js';
import type { FlashOptions } from '../flash/open.js';
import type { Receipt } from '../update/receipt.js';
import type { Invocation, OptionTable } from './command.js';
import type { Config } from './config.js';
import { note } from './print.js';

/** Options of commands that keep a state. */
export const STATE_OPTIONS: OptionTable = {
  state: {
    value: 'WHERE',
    help: 'where the journal is kept, and the audit log: a folder (default\n$STATE_DIRECTORY, else /var/lib/sluice; for sim:PATH the file PATH.journal),\nmtd:NAME or ubi:NAME (a partition or volume reserved for the journal), none',
  },
  'resume-limit': {
    value: 'N',
    help: 'give up when so many sessions came no further than the one before\n(default 10; 0: never)',
  },
};

/** What became of a receipt in the audit log. */
export type AuditOutcome = AuditHead | { readonly code: ErrorCode; readonly message: string } | null;

/** Where a command keeps its state. */
export class CommandState {
  readonly #place: StatePlace;
  /** Whether it was asked for in so many words. */
  readonly #said: boolean;
  readonly #audit: AuditLog | null;
  #lost = false;

  /**
   * @param flash - address of the flash that is written
   * @throws SluiceError ERR_USAGE_STATE
   */
  constructor(invocation: Invocation, config: Config, flash: string, env: NodeJS.ProcessEnv) {
    const said = invocation.option('state') ?? config.state;
    this.#said = said !== undefined;
    this.#place = said === undefined ? usualPlace(flash, env) : parsePlace(said);
    this.#audit = this.#place.kind === 'folder' ? new AuditLog(this.#place.path) : null;
  }

  /**
   * Opens the flash for writing, with its journal. Where nothing was said and the usual place cannot be used, a warning
   * says so and there is none.
   * @throws SluiceError ERR_USAGE_STATE; and as openFlash does
   */
  open(flash: string, options: FlashOptions): Promise<JournalledTarget> {
    const without = (error: SluiceError): void => {
      this.#lost = true;
      note(
        `sluice: warning: there is no journal: ${error.message}`,
        '  Should the power go while a block is written, nothing will tell which one that was; a block that is half',
        '  erased may read right for a while. Say where to keep it with --state, or --state none.',
      );
    };
    return openJournalled(flash, { ...options, place: this.#place, ...(this.#said ? {} : { without }) });
  }

  /** Writes a receipt to the audit log, if there is one. A failure is told, and changes nothing of the receipt. */
  keep(receipt: Receipt): AuditOutcome {
    if (this.#audit === null || this.#lost) return null;
    try {
      return this.#audit.append(localOrigin(), receipt);
    } catch (thrown) {
      const { code, message } = asSluiceError(thrown);
      note(`sluice: WARNING: THE AUDIT LOG LACKS THIS RECEIPT: ${message} (${code})`);
      return { code, message };
    }
  }
}

/** The user of this machine who has called the command. */
function localOrigin(): AuditOrigin {
  let user: string | null = null;
  try {
    // Of who has used sudo the name is wanted, not root's.
    user = process.env['SUDO_USER'] ?? userInfo().username;
  } catch {
    // The user has no name.
  }
  return { via: 'cli', peer: null, user };
}

/**
 * Sessions that may come no further than the one before; undefined where nothing is said.
 * @throws SluiceError ERR_USAGE_OPTION
 */
export function resumeLimitOf(invocation: Invocation, config: Config): number | undefined {
  const text = invocation.option('resume-limit');
  if (text === undefined) return config.resumeLimit;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new SluiceError('ERR_USAGE_OPTION', `--resume-limit takes a whole number, not ${text}`);
}
