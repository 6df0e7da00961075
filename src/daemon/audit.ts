import { join } from 'node:path';
import { AuditLog } from '../core/audit/audit-log.js';
import { makeFolder } from '../host/node/fs/make-folder.js';
import { auditHost } from '../host/node/state/audit-host.js';
import type { StoredReceipt } from '../service/receipts.js';

/**
 * Writes receipts of the service to the audit log of its state folder. An update that was not committed and changed
 * nothing goes to a log of its own, in the folder `refused`: otherwise a client could push rubbish until the log holds
 * nothing else.
 * @returns as ServiceOptions.audit
 */
export function auditTo(folder: string): (stored: StoredReceipt) => void {
  const changes = new AuditLog(auditHost, folder);
  const refused = join(folder, 'refused');
  const refusals = new AuditLog(auditHost, refused);
  return ({ from, receipt, at }) => {
    const isRubbish = receipt.outcome !== 'committed' && receipt.flash === 'untouched';
    if (isRubbish) makeFolder(refused);
    (isRubbish ? refusals : changes).append(from, receipt, at);
  };
}
