/** The harness's command line; see README.md. */
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { loadBudget, overBudget, saveOperations } from './budget.js';
import { runCompare } from './compare.js';
import { launch } from './launch.js';
import { describeMachine, Neighbours } from './machine.js';
import { CHARTS, MARKS } from './marks.js';
import { measurePrograms } from './measure-programs.js';
import { BUSY, percent, say } from './print.js';
import { judgeMarks, writeReport } from './report.js';
import { saveResults, type Figure, type Results, type Series } from './results.js';
import type { Scenario } from './scenario.js';
import { SCENARIOS } from './scenarios.js';
import { changeCurve } from './virtual.js';

const USAGE = `npm run bench -- [--only PARTS] [--scenario TEXT] [--repeats N] [--name NAME] [--quick]
npm run bench -- --flash mtd:NAME                 writes over that flash, several times
npm run bench -- compare A B                      what got better or worse beyond noise
npm run bench -- list                             the scenarios

Measures sluice on this machine, prints the marks and writes bench/results/NAME.json, .md and .svg
(default: the date and the CPU). What the figures mean is in bench/README.md.

  --only virtual,programs,stages,bare,start,imports   some of the parts
  --scenario TEXT    only the scenario of that name; else those whose names contain it
  --repeats N        runs of each scenario of the program, instead of its own
  --budget           puts the operations that were counted into bench/budget.json
  --quick            images of 64 MiB at most, and one run of each

A and B are files, or names in bench/results. compare ends with 1 when something is worse.
`;

const PARTS = ['virtual', 'programs', 'stages', 'bare', 'start', 'imports'] as const;
type Part = (typeof PARTS)[number];

/** MiB of the largest image of --quick. */
const QUICK = 64;

interface Wanted {
  readonly parts: readonly Part[];
  readonly scenarios: readonly Scenario[];
  readonly flash: string | null;
  readonly name: string | undefined;
  readonly budget: boolean;
}

async function measure({ parts, scenarios, flash }: Wanted, folder: string): Promise<[Figure[], Series[]]> {
  const figures: Figure[] = [];
  const series: Series[] = [];
  // Each part is loaded when it is wanted: on a board, nothing that needs a compiler or openssl.
  if (flash !== null) {
    const { measureFlash } = await import('./real-flash.js');
    return [await measureFlash(flash, folder), series];
  }
  const virtual = scenarios.filter(({ how }) => how === 'virtual');
  if (parts.includes('virtual')) {
    const { measureVirtual } = await import('./virtual.js');
    for (const scenario of virtual) figures.push(...(await measureVirtual(scenario)));
    series.push(...changeCurve(virtual, figures));
    say(`${virtual.length} scenarios measured in virtual time`);
  }
  if (parts.includes('bare')) figures.push(...(await (await import('./speed.js')).measureSpeed(folder)));
  if (parts.includes('stages')) {
    figures.push(...(await launch<Figure[]>('stages', folder).askOnce()));
    figures.push(...(await (await import('./copies.js')).measureCopies(folder)));
  }
  if (parts.includes('start')) figures.push(...(await (await import('./start.js')).measureStart(folder)));
  if (parts.includes('imports')) figures.push(...(await import('./imports.js')).measureImports());
  if (parts.includes('programs')) {
    const programs = scenarios.filter(({ how }) => how === 'program');
    const found = await measurePrograms(programs, folder);
    figures.push(...found.figures);
    series.push(...found.series);
  }
  return [figures, series];
}

async function run(wanted: Wanted): Promise<void> {
  const machine = describeMachine();
  const neighbours = new Neighbours();
  say(`${machine.cpu}, ${machine.cores} cores, ${machine.memoryMiB} MiB, node ${machine.node}`);
  if (neighbours.load > machine.cores * BUSY) {
    say(`The machine was not idle when this began: load ${neighbours.load.toFixed(2)}.`);
  }
  const folder = mkdtempSync(join(tmpdir(), 'sluice-bench-'));
  let found: [Figure[], Series[]];
  try {
    found = await measure(wanted, folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  const [figures, series] = found;
  const results: Results = { format: 2, ...neighbours.conditions(), figures, series };
  const cpu = machine.cpu.toLowerCase().replace(/[^a-z0-9]+/g, '-');
  const name = wanted.name ?? `${results.date}-${cpu.replace(/^-|-$/g, '')}`;
  mkdirSync('bench/results', { recursive: true });
  saveResults(`bench/results/${name}.json`, results);
  writeReport('bench/results', name, results, MARKS, CHARTS);
  if (wanted.budget) saveOperations(figures);
  const faults = overBudget(figures, loadBudget());
  for (const fault of faults) say(`over budget: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
  const judged = judgeMarks(results, MARKS);
  const missed = judged.filter(({ verdict }) => verdict === 'missed');
  for (const { mark, found: value } of missed) say(`missed: ${mark.what}: ${value}, at most ${mark.most}`);
  say(`${judged.filter(({ verdict }) => verdict === 'met').length} marks met, ${missed.length} missed.`);
  say(
    `Other programs used ${percent(results.neighbours.share)} of the machine. Written to bench/results/${name}.{json,md} and its charts.`,
  );
}

/** The one of that name; else all with it in their names. */
function scenariosOf(text: string): readonly Scenario[] {
  const exact = SCENARIOS.filter(({ name }) => name === text);
  return exact.length > 0 ? exact : SCENARIOS.filter(({ name }) => name.includes(text));
}

/** @throws Error that says what is wrong with the words */
function read(args: readonly string[]): Wanted | null {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      only: { type: 'string' },
      scenario: { type: 'string', default: '' },
      repeats: { type: 'string' },
      quick: { type: 'boolean', default: false },
      budget: { type: 'boolean', default: false },
      flash: { type: 'string' },
      name: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) return null;
  const [unknownWord] = positionals;
  if (unknownWord !== undefined) throw new Error(`there is no command ${unknownWord}; see --help`);
  if (values.flash !== undefined && (values.only !== undefined || values.scenario !== ''))
    throw new Error('--flash has its own scenarios: it goes with neither --only nor --scenario');
  // Who names scenarios wants these.
  const usual: readonly string[] = values.scenario === '' ? PARTS : ['virtual', 'programs'];
  const wanted = values.only?.split(',') ?? usual;
  const unknown = wanted.find((name) => !PARTS.some((part) => part === name));
  if (unknown !== undefined) throw new Error(`there is no part ${unknown}; there are ${PARTS.join(', ')}`);
  if (values.name !== undefined && !/^[\w.-]+$/.test(values.name))
    throw new Error('--name takes a file name');
  const chosen = scenariosOf(values.scenario);
  if (chosen.length === 0) throw new Error(`no scenario has ${values.scenario} in its name; see list`);
  const repeats = values.quick ? '1' : values.repeats;
  if (repeats !== undefined && !/^[1-9]\d?$/.test(repeats)) throw new Error('--repeats takes a number');
  return {
    parts: PARTS.filter((part) => wanted.includes(part)),
    scenarios: chosen
      .filter(({ imageMiB }) => !values.quick || imageMiB <= QUICK)
      .map((scenario) => (repeats === undefined ? scenario : { ...scenario, repeats: Number(repeats) })),
    flash: values.flash ?? null,
    name: values.name,
    budget: values.budget,
  };
}

async function main(args: readonly string[]): Promise<void> {
  const [command, ...words] = args;
  if (command === 'compare') {
    const [a, b, ...more] = words;
    if (a === undefined || b === undefined || more.length > 0)
      throw new Error('compare takes two files, or names in bench/results');
    process.exitCode = runCompare(a, b);
  } else if (command === 'list') {
    for (const { name, how, chip, imageMiB, change, source, link, policy } of SCENARIOS) {
      const blocks = chip.eraseKiB === undefined ? '' : ` with blocks of ${chip.eraseKiB} KiB`;
      const rate = link === null ? '' : ` at ${link} MiB/s`;
      const share = `${change.percent} % changed${change.percent === 100 ? '' : `, ${change.spread}`}`;
      say(
        `${name.padEnd(27)} ${how}: ${imageMiB} MiB by ${source}${rate} to ${chip.timing ?? chip.type}${blocks}; ${share}; ${policy}`,
      );
    }
  } else {
    const wanted = read(args);
    if (wanted === null) process.stdout.write(USAGE);
    else await run(wanted);
  }
}

// The reader may close the pipe early (`list | head`).
process.stdout.on('error', () => process.exit());

main(process.argv.slice(2)).catch((thrown: unknown) => {
  // The message is enough for a wrong argument; DEBUG=1 prints the stack, for faults of the harness.
  const shown = thrown instanceof Error && process.env['DEBUG'] === undefined ? thrown.message : thrown;
  console.error('bench:', shown);
  process.exitCode = 2;
});
