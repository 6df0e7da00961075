/**
 * `npm run test:ast2600`: the program, its addon and Node as they would be on a board with an AST2600, in QEMU's model
 * of one. Prints TAP; a run without a failure writes what it measured to bench/results/ast2600.json and .md.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Neighbours } from '../../../../bench/machine.js';
import { Board } from './board.js';
import { checkBoard, checkSmallMemory, type Found } from './checks.js';
import { print, Report } from './report.js';
import { saveResults } from './results.js';
import { missingTools, Skip } from './tools.js';

const USAGE = `npm run test:ast2600 -- [--test TEXT] [--rofs MIB] [--least MIB] [--keep]

Boots QEMU's ast2600-evb and runs sluice in it. --test takes only the tests whose names have that text in them, --rofs
makes the largest image so large (32), --least ends the search for how little memory is enough there (16): with too
little the guest only loads its programs again and again. --keep leaves the folder with the flash and the bundles.
`;

const CACHE = 'rig-work/ast2600';

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      test: { type: 'string', default: '' },
      rofs: { type: 'string', default: '32' },
      least: { type: 'string', default: '16' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const rofs = Number(values.rofs);
  if (!Number.isInteger(rofs) || rofs < 1 || rofs > 32) throw new Error('--rofs takes 1 to 32');
  const least = Number(values.least);
  if (!Number.isInteger(least) || least < 1) throw new Error('--least takes MiB');
  const report = new Report(values.test);
  const missing = missingTools();
  if (missing !== null) {
    report.skip('updates on an emulated AST2600', missing);
    return report.end();
  }
  const folder = mkdtempSync(join(tmpdir(), 'sluice-ast2600-'));
  const neighbours = new Neighbours();
  const found: Found = { rows: [], conformance: null, ballast: [], facts: {} };
  try {
    const board = await Board.make(CACHE, folder, rofs * 2 ** 20);
    print(`# Linux ${board.kernel} on QEMU's ast2600-evb, all of it emulated`);
    try {
      await checkBoard(board, report, found);
      await checkSmallMemory(board, report, found, least);
    } finally {
      await board.close();
    }
    found.facts['rofsMiB'] = String(rofs);
    const measured = found.rows.length > 0 || found.ballast.length > 0;
    if (measured && report.failed === 0) saveResults(found, board, neighbours, values.test);
  } catch (thrown) {
    if (!(thrown instanceof Skip)) throw thrown;
    report.skip('updates on an emulated AST2600', thrown.message);
  } finally {
    if (values.keep) print(`# kept: ${folder}`);
    else rmSync(folder, { recursive: true, force: true });
  }
  return report.end();
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(130));
process.exitCode = await main();
