/** Receipts on a disk that takes no more. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type { Receipt } from '../../../src/core/update/report/receipt.js';
import { ReceiptStore, type StoredReceipt } from '../../../src/service/receipts.js';

const stored = (id: string): StoredReceipt => ({
  id,
  at: '2026-01-01T00:00:00.000Z',
  from: { via: 'http', peer: null, user: null },
  receipt: { outcome: 'committed', partitions: {}, bundle: { version: null } } as unknown as Receipt,
  next: null,
});

t.test(
  'a receipt that cannot be stored can be read until the service ends, and is one of the last 32',
  (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-receipts-'));
    t.teardown(() => rmSync(folder, { recursive: true, force: true }));
    const receipts = new ReceiptStore(folder);
    const first = receipts.newId();
    const place = join(folder, 'receipts');
    rmSync(place, { recursive: true });
    writeFileSync(place, '');
    t.throws(() => receipts.keep(stored(first)), { code: 'ERR_USAGE_STATE' });
    t.equal(receipts.read(first)?.receipt.outcome, 'committed');
    t.same(receipts.ids, [first]);
    rmSync(place);
    mkdirSync(place);
    for (let k = 0; k < 31; k++) receipts.keep(stored(receipts.newId()));
    t.ok(receipts.read(first), 'one of the last 32');
    receipts.keep(stored(receipts.newId()));
    t.equal(receipts.read(first), null);
    t.equal(receipts.ids.length, 32);
    t.same(new ReceiptStore(folder).ids, receipts.ids, 'all others are on disk');
    t.end();
  },
);
