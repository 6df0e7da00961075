import { userInfo } from 'node:os';
import { AuditLog } from '../core/audit/audit-log.js';
import type { AuditHead, Origin } from '../core/audit/audit-line.js';
import { auditHost } from '../host/node/state/audit-host.js';
import { openJournalled, type JournalledTarget } from '../host/node/state/journalled-flash.js';
import { parsePlace, defaultPlace, type StatePlace } from '../host/node/state/place.js';
import { asSluiceError, SluiceError, type ErrorCode } from '../core/errors.js';
import type { FlashOptions } from '../host/node/flash/open-flash.js';
import type { Receipt } from '../core/update/report/receipt.js';
import type { Config } from '../config/config.js';
import { note } from './print.js';
import type { Invocation } from '../config/invocation.js';

/** Result of writing a receipt to the audit log. */
export type AuditOutcome = AuditHead | { readonly code: ErrorCode; readonly message: string } | null;

/** Where a command keeps its state. */
export class CommandState {
  readonly #place: StatePlace;
  /** Whether the user named it. */
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
    this.#place = said === undefined ? defaultPlace(flash, env) : parsePlace(said);
    this.#audit = this.#place.kind === 'folder' ? new AuditLog(auditHost, this.#place.path) : null;
  }

  /**
   * Opens the flash for writing, with its journal. If the default place cannot be used, prints a warning and works
   * without a journal.
   * @throws SluiceError ERR_USAGE_STATE; and as openFlash does
   */
  open(flash: string, options: FlashOptions): Promise<JournalledTarget> {
    const without = (error: SluiceError): void => {
      this.#lost = true;
      note(
        `sluice: warning: there is no journal: ${error.message}`,
        '  If power fails while a block is written, no record shows which block it was, and a half-erased block can',
        '  read correctly for a while. Name a place with --state DIR, or accept this with --state none.',
      );
    };
    return openJournalled(flash, { ...options, place: this.#place, ...(this.#said ? {} : { without }) });
  }

  /** Writes a receipt to the audit log, if there is one. A failure is printed, and does not change the receipt. */
  keep(receipt: Receipt, from: Origin): AuditOutcome {
    if (this.#audit === null || this.#lost) return null;
    try {
      return this.#audit.append(from, receipt);
    } catch (thrown) {
      const { code, message } = asSluiceError(thrown);
      note(`sluice: WARNING: THE AUDIT LOG LACKS THIS RECEIPT: ${message} (${code})`);
      return { code, message };
    }
  }
}

/** The user of this machine that called the command. */
export function localOrigin(): Origin {
  let user: string | null = null;
  try {
    // With sudo, the name of the calling user and not root.
    user = process.env['SUDO_USER'] ?? userInfo().username;
  } catch {
    // The user id has no name.
  }
  return { via: 'cli', peer: null, user };
}
