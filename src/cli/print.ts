import { writeSync } from 'node:fs';
import { asSluiceError, errnoOf, EXIT, SluiceError, type FlashState } from '../core/errors.js';
import { outcomeOf, type PartitionReceipt, type Receipt } from '../core/update/report/receipt.js';
import { printable } from '../core/text.js';
import { stderr, stdout } from './output.js';

/** File descriptor of standard output. */
const STDOUT = 1;

/** What a state of the flash means to the reader of a message. */
const FLASH_WORDS: Record<FlashState, string> = {
  untouched: 'untouched',
  partial: 'partly written, not committed; finish an update before this board restarts',
  complete: 'complete',
};

/**
 * One JSON document on standard output.
 * @throws SluiceError ERR_USAGE_OUTPUT when it cannot be written: a script must not take silence for success
 */
export function printJson(document: unknown): void {
  const bytes = Buffer.from(`${JSON.stringify(document, null, 2)}\n`);
  let done = 0;
  try {
    while (done < bytes.length) done += writeSync(STDOUT, bytes, done);
  } catch (cause) {
    const errno = errnoOf(cause);
    // Whoever read it has gone, as `head` does.
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
 * Lines for people, on standard error, so that standard output stays the command's result. What a bundle or a
 * server has put into it must not drive the terminal.
 */
export function note(...lines: string[]): void {
  const text = lines.map((line) => `${printable(line)}\n`);
  stderr().write(text.join(''));
}

/** How an error is told. */
export interface ErrorOptions {
  readonly json?: boolean;
  /** What a write did before it failed. */
  readonly receipt?: Receipt;
  /** Print the state of the flash, where it is known: for commands that write it. */
  readonly flash?: boolean;
}

/** What happened, what state the flash is in, and what to do next. */
export function printError(error: SluiceError, { json, receipt, flash: tell }: ErrorOptions): void {
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
      // Nobody can read it there; standard error may still be heard.
    }
  }
  // A slip on the command line, or a file that is not there, is no verdict on a bundle.
  const verdict = receipt !== undefined || error.exit === EXIT.refused ? `${outcome}: ` : '';
  const errno = error.errno === undefined ? '' : `, ${error.errno}`;
  note(`sluice: ${verdict}${clause(error.message)} (${error.code}${errno})`);
  for (const [name, row] of Object.entries(receipt?.partitions ?? {})) {
    const done = doneTo(row);
    if (done !== '') note(`  done:  ${name}: ${done}`);
  }
  if (tell === true && error.flash !== null) note(`  flash: ${FLASH_WORDS[error.flash]}`);
  note(`  next:  ${error.next}`);
}

/** A message as a part of a line: some are sentences, with a capital and a full stop. */
function clause(message: string): string {
  return message
    .replace(/^(The|A|An|It|In|Neither|There|Two|What)(?= )/, (word) => word.toLowerCase())
    .replace(/\.$/, '');
}

/** What was done to a partition whose update did not end well; empty when nothing was. */
function doneTo(row: PartitionReceipt): string {
  const programmed = row.programmed + row.programmedWithoutErase;
  if (row.erased + programmed === 0) return '';
  const bad = row.bad === 0 ? '' : `, ${row.bad} gone bad`;
  return `of ${row.blocks} blocks ${row.erased} erased, ${programmed} written, ${row.skipped} already right${bad}`;
}

/** The receipt of a committed update, for people: what was asked they know, so what was done and found. */
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
  // It may come from a service that is not what it says.
  const out = (line: string) => stdout().write(`${printable(line)}\n`);
  out(`${receipt.outcome}: ${receipt.message}`);
  for (const line of table([head, ...rows])) out(`  ${line}`);
  out(`  bundle  ${bundle.kind}, version ${bundle.version ?? '-'}, machine ${bundle.machine ?? '-'}`);
  if (bundle.identity !== null) out(`          ${bundle.identity}`);
  out(`  trust   ${trust.policy}, proven by ${trust.by}${trust.key === null ? '' : `, key ${trust.key}`}`);
  out(`  flash   ${FLASH_WORDS[receipt.flash]}`);
  out(
    `  took    ${times.wall.toFixed(2)} s, ${times.flash.toFixed(2)} s of it flash; peak ${mib(memory.peakRss)}`,
  );
}

/**
 * Tells what has come of an update: `document` on standard output, or the receipt for people.
 * @returns the exit code that it asks for
 * @throws SluiceError ERR_USAGE_OUTPUT when a committed update cannot be told
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
  return error?.exit ?? EXIT.done;
}

/** Columns of equal width, numbers to the right. */
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
