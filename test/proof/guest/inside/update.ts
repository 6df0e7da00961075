/** The real program on the guest's flash. */
import assert from 'node:assert/strict';
import { spawn, type ChildProcess } from 'node:child_process';
import type { Receipt } from '../../../../src/core/update/report/receipt.js';
import { MACHINE } from '../layout.js';
import { run, type Ran, type RunOptions } from './run.js';

export const PROGRAM = '/opt/sluice/bin/sluice';
/** Folder of the fixtures. */
export const FIXTURES = '/opt/sluice/fixtures';
export const fixture = (name: string): string => `${FIXTURES}/${name}`;

/** Keys and form of the answer: what every write here has. */
const USUAL = ['--keys', fixture('keys'), '--json'];
/** A bare image does not say which machine it is for. */
const machineFor = (args: readonly string[]): string[] => [
  '--machine',
  args.includes('--partition') ? 'any' : MACHINE,
];

export interface Written extends Ran {
  readonly receipt: Receipt;
}

/** `sluice write SOURCE --flash ADDRESS ARGS`, whatever comes of it. */
export function write(
  source: string,
  address: string,
  args: readonly string[] = [],
  options: RunOptions = {},
): Written {
  const ran = run(
    PROGRAM,
    ['write', source, '--flash', address, ...USUAL, ...machineFor(args), ...args],
    options,
  );
  return { ...ran, receipt: receiptOf(ran) };
}

function receiptOf(ran: Ran): Receipt {
  try {
    return JSON.parse(ran.stdout.toString('utf8')) as Receipt;
  } catch {
    throw new Error(`sluice ended with ${ran.code} and no receipt: ${ran.stderr}${ran.stdout.toString()}`);
  }
}

/** A write that must be committed. */
export function mustWrite(...args: Parameters<typeof write>): Written {
  const written = write(...args);
  assert.equal(
    written.code,
    0,
    `exit 0: ${written.receipt.code} ${written.receipt.message} ${written.stderr}`,
  );
  assert.equal(written.receipt.outcome, 'committed');
  return written;
}

/** A write that must be refused before anything is erased or programmed. */
export function mustRefuse(code: string, exit: number, ...args: Parameters<typeof write>): Written {
  const written = write(...args);
  assert.equal(written.receipt.code, code, written.receipt.message ?? written.stderr);
  assert.equal(written.code, exit);
  return written;
}

/** Starts a write and comes back at once. */
export function startWrite(source: string, address: string, args: readonly string[] = []): ChildProcess {
  return spawn(PROGRAM, ['write', source, '--flash', address, ...USUAL, ...machineFor(args), ...args], {
    stdio: 'ignore',
  });
}

/** One count of the receipt, over all partitions. */
export function total(
  receipt: Receipt,
  count: 'skipped' | 'erased' | 'programmed' | 'retried' | 'bad',
): number {
  return Object.values(receipt.partitions).reduce((sum, partition) => sum + partition[count], 0);
}
