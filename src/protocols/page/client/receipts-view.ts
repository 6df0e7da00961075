import type { StoredReceipt } from '../../../service/receipts.js';
import type { PartitionReceipt, Receipt } from '../../../core/update/report/receipt.js';
import type { Problem } from './api.js';
import { at, make } from './dom.js';
import type { Store } from './store.js';
import { clock, count, moment, OUTCOMES, sentence, STATE_OF_FLASH } from './words.js';

/** Receipts shown; the service stores more. */
const MAX_RECEIPTS_SHOWN = 10;

/** Shows the last receipts. */
export function showReceipts(store: Store): void {
  store.listen(({ kind }) => {
    if (kind !== 'receipts') return;
    const unfolded = document.querySelectorAll('#receipts details[open]');
    const open = new Set([...unfolded].map(({ id }) => id));
    const latest = [...store.receipts].reverse().slice(0, MAX_RECEIPTS_SHOWN);
    at('receipts').replaceChildren(
      ...(latest.length === 0
        ? [make('p', { class: 'quiet' }, 'None yet.')]
        : latest.map((stored) => receiptOf(stored, open.has(`receipt-${stored.id}`)))),
    );
  });
}

function receiptOf(stored: StoredReceipt, open: boolean): HTMLElement {
  const { id, at: time, from, receipt } = stored;
  const { outcome, bundle } = receipt;
  const details = make(
    'details',
    { id: `receipt-${id}` },
    make(
      'summary',
      {},
      make('strong', { class: outcome }, OUTCOMES[outcome]),
      ` ${bundle.version ?? ''} `,
      make('time', { datetime: time, class: 'quiet' }, moment(time)),
    ),
    ...explain(receipt, stored.next),
    make(
      'p',
      { class: 'quiet' },
      `Receipt ${id}, from ${[from.user ?? from.via, from.peer].filter((part) => part !== null).join(' at ')}.`,
    ),
  );
  details.open = open;
  return details;
}

/** Describes the result of an update. */
function explain(receipt: Receipt, next: string | null): Node[] {
  const { outcome, code, message, flash, partitions, times } = receipt;
  const rows = Object.entries(partitions).map(([name, row]) =>
    make('li', {}, make('strong', {}, name), ` ${partitionWords(row)}`),
  );
  return [
    ...(outcome === 'committed'
      ? [make('p', {}, `${sentence(message)} ${trustWords(receipt)} It took ${clock(times.wall)}.`)]
      : [problemList({ code, message, next, flash })]),
    ...(rows.length === 0 ? [] : [make('ul', {}, ...rows)]),
  ];
}

function partitionWords(row: PartitionReceipt): string {
  const written = row.programmed + row.programmedWithoutErase;
  const words = [`${count(row.blocks, 'block')}: ${row.skipped} unchanged, ${written} written`];
  if (row.retried > 0) words.push(`${row.retried} retried`);
  if (row.bad > 0) words.push(`${row.bad} bad`);
  if (row.inUse !== undefined) words.push(`in use: ${row.inUse}`);
  return `${words.join(', ')}.`;
}

function trustWords({ trust: { by, key } }: Receipt): string {
  const withKey = key === null ? '' : ` with key ${key}`;
  switch (by) {
    case 'index':
      return `Each block was verified${withKey} before it was erased.`;
    case 'check-pass':
      return `The bundle was verified${withKey} before it was written, and each block matched.`;
    case 'signature':
      return `The bundle was verified${withKey} before it was committed.`;
    case 'none':
      return 'The bundle was not verified.';
  }
}

/** The error, the state of the flash and the next step. */
export function problemList({ code, message, next, flash }: Problem): HTMLElement {
  const entry = (term: string, ...text: (string | Node)[]): Node[] => [
    make('dt', {}, term),
    make('dd', {}, ...text),
  ];
  return make(
    'dl',
    { class: 'problem' },
    ...entry('What happened', sentence(message), ...(code === null ? [] : [' ', make('code', {}, code)])),
    ...(flash === null ? [] : entry('The flash', STATE_OF_FLASH[flash])),
    ...(next === null ? [] : entry('What next', next)),
  );
}
