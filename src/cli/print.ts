import { writeSync } from 'node:fs';
import { asSluiceError, errnoOf, EXIT, SluiceError, type FlashState } from '../core/errors.js';
import { outcomeOf, type PartitionReceipt, type Receipt } from '../core/update/report/receipt.js';
import { printable } from '../core/text.js';
import { stderr, stdout } from './output.js';

/** File descriptor of standard output. */
const STDOUT = 1;

/** States of the flash, as messages print them. */
const FLASH_WORDS: Record<FlashState, string> = {
  untouched: 'untouched',
  partial: 'partly written, not committed; complete an update before the board restarts',
  complete: 'complete',
};

/**
 * Prints one JSON document on standard output.
 * @throws SluiceError ERR_USAGE_OUTPUT if the write fails: a script must not take missing output for success
 */
export function printJson(document: unknown): void {
  const bytes = Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
  let done = 0;
  try {
    while (done < bytes.length) done += writeSync(STDOUT, bytes, done);
  } catch (cause) {
    const errno = errnoOf(cause);
    // The reader closed the pipe, as `head` does.
    if (errno === 'EPIPE') return;
    if (errno !== 'EAGAIN') {
      throw new SluiceError('ERR_USAGE_OUTPUT', 'the result could not be written to standard output', {
        cause,
      });
    }
    stdout().write(bytes.subarray(done));
  }
}

/**
 * Prints lines on standard error; standard output has the result of the command only. Control characters from a bundle
 * or a server are replaced, because they could control the terminal.
 */
export function note(...lines: string[]): void {
  const text = lines.map((line) => `${printable(line)}\n`);
  stderr().write(text.join(''));
}

/** How to print an error. */
export interface ErrorOptions {
  readonly json?: boolean;
  /** The receipt of the failed write. */
  readonly receipt?: Receipt;
  /** Print the state of the flash, if it is known: for commands that write flash. */
  readonly flash?: boolean;
}

/** Prints the error, the state of the flash and the next step. */
export function printError(error: SluiceError, { json, receipt, flash: showFlash }: ErrorOptions): void {
  const outcome = outcomeOf(error);
  if (json === true) {
    const { code, message, flash, partition, block, member, errno, next } = error;
    try {
      return printJson({
        outcome,
        code,
        message,
        flash,
        partition: partition ?? null,
        block: block ?? null,
        member: member ?? null,
        errno: errno ?? null,
        next,
      });
    } catch {
      // Standard output cannot be written; standard error may still work.
    }
  }
  // A wrong option or a missing file is not an outcome of an update.
  const verdict = receipt !== undefined || error.exit === EXIT.refused ? `${outcome}: ` : '';
  const errno = error.errno === undefined ? '' : `, ${error.errno}`;
  note(`sluice: ${verdict}${clause(error.message)} (${error.code}${errno})`);
  for (const [name, row] of Object.entries(receipt?.partitions ?? {})) {
    const done = doneTo(row);
    if (done !== '') note(`  done:  ${name}: ${done}`);
  }
  if (showFlash === true && error.flash !== null) note(`  flash: ${FLASH_WORDS[error.flash]}`);
  note(`  next:  ${error.next}`);
}

/** A message without the capital and the full stop that some have, for use within a line. */
function clause(message: string): string {
  return message
    .replace(/^(The|A|An|It|In|Neither|There|Two|What)(?= )/, (word) => word.toLowerCase())
    .replace(/\.$/, '');
}

/** The work done on a partition by an update that failed; empty if none. */
function doneTo(row: PartitionReceipt): string {
  const programmed = row.programmed + row.programmedWithoutErase;
  if (row.erased + programmed === 0) return '';
  const bad = row.bad === 0 ? '' : `, ${row.bad} bad`;
  return `${row.erased} of ${row.blocks} blocks erased, ${programmed} written, ${row.skipped} unchanged${bad}`;
}

/** Prints the receipt of a committed update as a table. */
export function printReceipt(receipt: Receipt): void {
  const { bundle, trust, partitions, times, memory } = receipt;
  const head = [
    'partition',
    'blocks',
    'skipped',
    'erased',
    'programmed',
    'read back',
    'retried',
    'bad',
    'bytes',
  ];
  const rows = Object.entries(partitions).map(([name, row]) => [
    name,
    row.blocks,
    row.skipped,
    row.erased,
    row.programmed + row.programmedWithoutErase,
    row.readBack,
    row.retried,
    row.bad,
    row.bytes,
  ]);
  // The receipt may come from a service that is not trusted.
  const out = (line: string) => stdout().write(`${printable(line)}\n`);
  out(`${receipt.outcome}: ${receipt.message}`);
  for (const line of table([head, ...rows])) out(`  ${line}`);
  out(`  bundle  ${bundle.kind}, version ${bundle.version ?? '-'}, machine ${bundle.machine ?? '-'}`);
  if (bundle.identity !== null) out(`          ${bundle.identity}`);
  out(`  trust   ${trust.policy}, verified by ${trust.by}${trust.key === null ? '' : `, key ${trust.key}`}`);
  out(`  flash   ${FLASH_WORDS[receipt.flash]}`);
  out(
    `  took    ${times.wall.toFixed(2)} s, ${times.flash.toFixed(2)} s of it flash; peak ${mib(memory.peakRss)}`,
  );
}

/**
 * Prints the outcome of an update: `document` as JSON on standard output, or the receipt as a table.
 * @returns the exit code of the command
 * @throws SluiceError ERR_USAGE_OUTPUT if the update was committed and its receipt cannot be written
 */
export function printOutcome(
  receipt: Receipt,
  error: SluiceError | null,
  { json, quiet, document = receipt }: { json: boolean; quiet: boolean; document?: object },
): number {
  if (json) {
    try {
      printJson(document);
    } catch (thrown) {
      const { outcome, message, flash } = receipt;
      const what = `${outcome}: ${message}; but the receipt could not be written to standard output`;
      if (error === null)
        throw new SluiceError('ERR_USAGE_OUTPUT', what, { cause: asSluiceError(thrown).cause, flash });
      printError(error, { receipt, flash: true });
    }
  } else if (error !== null) printError(error, { receipt, flash: true });
  else if (!quiet) printReceipt(receipt);
  // Without a summary, this must still be known before the board restarts.
  else if (receipt.flash === 'partial') note(`sluice: ${receipt.message}`, `  flash: ${FLASH_WORDS.partial}`);
  return error?.exit ?? EXIT.done;
}

/** Pads the cells of each column to equal width; the first column is aligned left, the others right. */
export function table(rows: readonly (readonly (string | number)[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => String(row[column] ?? '').length)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => {
        const width = widths[column] ?? 0;
        return column === 0 ? String(cell).padEnd(width) : String(cell).padStart(width);
      })
      .join('  ')
      .trimEnd(),
  );
}

/** `12.3 MiB`. */
export function mib(bytes: number): string {
  return `${(bytes / 1048576).toFixed(1)} MiB`;
}
