import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { describeCommit, describeMachine, Neighbours } from './machine.js';
import { measureMemory, type MemoryRow } from './memory.js';
import { measureSpeed, type SpeedResult } from './speed.js';
import { BUSY, percent, printMemory, printSpeed, printStart, printTimed, say } from './print.js';
import { measureStart, type StartRow } from './start.js';
import { measureTimed, type TimedRow } from './timed.js';

const USAGE = `npm run bench -- [--only speed,timed,start,memory] [--name NAME]

Measures sluice on this machine, prints what it found and writes bench/results/NAME.json
(default: the date and the CPU). What the figures mean is in bench/README.md.
`;

const SECTIONS = ['speed', 'timed', 'start', 'memory'] as const;
type Section = (typeof SECTIONS)[number];

/** One run of the harness. */
interface Results {
  /** Version of this form. */
  readonly format: 1;
  readonly date: string;
  readonly commit: string | null;
  readonly machine: ReturnType<typeof describeMachine>;
  /** Load average when it began, and the share of the cores that other programs used from then on. */
  readonly neighbours: { readonly load: number; readonly share: number };
  readonly speed?: SpeedResult;
  readonly timed?: readonly TimedRow[];
  readonly start?: readonly StartRow[];
  readonly memory?: readonly MemoryRow[];
}

function options(): { only: readonly Section[]; name: string | undefined } | null {
  const { values } = parseArgs({
    options: { only: { type: 'string' }, name: { type: 'string' }, help: { type: 'boolean', short: 'h' } },
  });
  if (values.help === true) return null;
  const wanted = values.only?.split(',') ?? SECTIONS;
  const unknown = wanted.find((name) => !SECTIONS.some((section) => section === name));
  if (unknown !== undefined)
    throw new Error(`there is no section ${unknown}; there are ${SECTIONS.join(', ')}`);
  if (values.name !== undefined && !/^[\w.-]+$/.test(values.name))
    throw new Error('--name takes a file name');
  return { only: SECTIONS.filter((section) => wanted.includes(section)), name: values.name };
}

async function main(only: readonly Section[], name: string | undefined): Promise<void> {
  const machine = describeMachine();
  const neighbours = new Neighbours();
  say(`${machine.cpu}, ${machine.cores} cores, ${machine.memoryMiB} MiB, node ${machine.node}`);
  if (neighbours.load > machine.cores * BUSY) {
    say(`The machine was not idle when this began: load ${neighbours.load.toFixed(2)}.`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  const found: { speed?: SpeedResult; timed?: TimedRow[]; start?: StartRow[]; memory?: MemoryRow[] } = {};
  try {
    if (only.includes('speed')) printSpeed((found.speed = await measureSpeed(folder)));
    if (only.includes('timed')) printTimed((found.timed = await measureTimed()));
    if (only.includes('start')) printStart((found.start = await measureStart(folder)));
    if (only.includes('memory')) printMemory((found.memory = await measureMemory(folder)));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const date = new Date().toISOString().slice(0, 10);
  const results: Results = {
    format: 1,
    date,
    commit: describeCommit(),
    machine,
    neighbours: { load: neighbours.load, share: Number(neighbours.share().toFixed(2)) },
    ...found,
  };
  const cpu = machine.cpu
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-|-$/g, '');
  const path = `bench/results/${name ?? `${date}-${cpu}`}.json`;
  mkdirSync('bench/results', { recursive: true });
  writeFileSync(path, format(results));
  say(`\nOther programs used ${percent(results.neighbours.share)} of the machine. Written to ${path}.`);
}

/** JSON as the repository's formatter would have it: lists of numbers on one line. */
function format(results: Results): string {
  const text = JSON.stringify(results, null, 2);
  return `${text.replace(/\[[\s\d.,-]+\]/g, (list) => list.replace(/\s+/g, ' ').replace('[ ', '[').replace(' ]', ']'))}\n`;
}

const chosen = options();
if (chosen === null) process.stdout.write(USAGE);
else await main(chosen.only, chosen.name);
