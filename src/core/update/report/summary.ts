import { quoteName } from '../../text.js';
import type { PartitionReceipt } from './receipt.js';

/** What became of one partition. */
interface Row {
  readonly partition: { readonly name: string };
  readonly receipt: PartitionReceipt;
  /** Whether anything in it was erased or programmed, or may have been. */
  readonly hasWritten: boolean;
}

/**
 * The sentence of a receipt without an error: `rofs written (320 blocks); kernel, rwfs unchanged`.
 * @param committed - false when the gates still wait for the commit
 * @param leftOver - partitions that may be incomplete since an earlier update
 */
export function summaryOf(
  rows: readonly Row[],
  committed: boolean,
  leftOver: readonly string[] = [],
): string {
  const changes = ({ hasWritten, receipt }: Row): boolean => hasWritten || receipt.blocks > receipt.skipped;
  const changed = rows.filter(changes);
  const unchanged = rows.filter((row) => !changes(row));
  // Of a partition in which only blocks behind the image were freed, those are counted.
  const blocks = changed.reduce(
    (sum, { receipt }) => sum + (receipt.blocks - receipt.skipped || receipt.erased),
    0,
  );
  const count = `${blocks} ${blocks === 1 ? 'block' : 'blocks'}`;
  const parts: string[] = [];
  if (changed.length > 0) parts.push(`${namesOf(changed)} ${committed ? 'written' : 'ready'} (${count})`);
  if (unchanged.length > 0) parts.push(`${namesOf(unchanged)} unchanged`);
  if (leftOver.length > 0)
    parts.push(`${leftOver.map(quoteName).join(', ')} may be incomplete: an earlier update did not finish`);
  return `${committed ? '' : 'verified, waiting for the commit: '}${parts.join('; ')}`;
}

const namesOf = (rows: readonly Row[]): string =>
  rows.map(({ partition }) => quoteName(partition.name)).join(', ');
