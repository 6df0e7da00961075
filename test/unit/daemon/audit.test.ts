/** The audit log of the service keeps what changed flash, whatever else is sent. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { checkAudit } from '../../../src/core/audit/audit-check.js';
import type { AuditLine } from '../../../src/core/audit/audit-line.js';
import type { Receipt } from '../../../src/core/update/report/receipt.js';
import { auditTo } from '../../../src/daemon/audit.js';
import { auditHost } from '../../../src/host/node/state/audit-host.js';

t.test('rubbish does not push a change out of the log', async (t) => {
  const folder = t.testdir();
  const audit = auditTo(folder);
  const from = { via: 'http', peer: null, user: 'op' };
  const put = (receipt: Partial<Receipt>): void =>
    audit({ id: '000001', at: 'now', from, receipt: receipt as Receipt, next: null });
  put({ outcome: 'committed', flash: 'complete' });
  put({ outcome: 'refused', flash: 'partial' });
  for (let n = 0; n < 300; n++) put({ outcome: 'refused', flash: 'untouched', message: 'x'.repeat(1500) });
  const outcomes = (at: string): (string | null)[] =>
    checkAudit(auditHost, at)
      .lines.filter((line): line is AuditLine & { kind: 'receipt' } => line.kind === 'receipt')
      .map(({ receipt }) => receipt.outcome);
  t.same(outcomes(folder), ['committed', 'refused']);
  const refused = join(folder, 'refused');
  t.ok(outcomes(refused).length > 100, 'a log of its own, with the last of them');
  t.ok(readdirSync(refused).length <= 5);
});
