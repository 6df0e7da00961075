/** Tables of what was found, for the terminal and as Markdown. */
import type { Conditions } from '../machine.js';
import { markdownTable } from '../markdown.js';
import { CHANGES, median, type Answer, type Marks, type Measured, type Medium, type Row } from './shape.js';

export interface Results extends Conditions {
  /** Version of this form. */
  readonly format: 1;
  readonly guest: {
    readonly emulator: string;
    readonly acceleration: string;
    readonly machine: string;
    readonly processors: number;
    readonly memoryMiB: number;
    readonly kernel: string;
  };
  readonly versions: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
  readonly marks: Answer['marks'];
}

export const MEDIA: Readonly<Record<Medium, string>> = {
  nor: 'mtdram, 32 MiB, erase blocks of 64 KiB, no delays (NOR-like)',
  nand: 'nandsim, 32 MiB less 5 bad blocks of 128 KiB, as slow as a chip',
};

/** Median of one figure over a row's runs. */
export const of = (row: Row, figure: (run: Measured) => number): number => median(row.runs.map(figure));
export const wallOf = (row: Row): number => of(row, ({ wall }) => wall);
export const dropOf = (row: Row): number => of(row, (run) => (run.available - run.lowestAvailable) / 1024);

export function report(results: Results): string {
  const { machine, guest, versions, neighbours } = results;
  const lines = [
    '# The same 32 MiB, written by everybody',
    '',
    `${results.date}, commit ${results.commit ?? 'unknown'}. ${guest.emulator}, **emulated** (TCG, no KVM): ${guest.machine}, ` +
      `${guest.processors} CPUs, ${guest.memoryMiB} MiB, Linux ${guest.kernel}; on ${machine.cpu}, ${machine.cores} cores.`,
    `${Object.entries({ node: machine.node, ...versions })
      .filter(([name]) => name !== 'kernel')
      .map(([name, version]) => `${name} ${version.replace(`${name} `, '')}`)
      .join(', ')}.`,
    `Other programs used ${Math.round(neighbours.share * 100)} % of the machine meanwhile.`,
    '',
    'Times under emulation are to be compared with each other and with nothing else; what a program that is compiled',
    'while it runs (node) takes is emulated worst. What each figure means is in [../README.md](../README.md).',
  ];
  for (const medium of ['nor', 'nand'] as const) {
    const rows = results.rows.filter((row) => row.medium === medium);
    if (rows.length === 0) continue;
    lines.push('', `## ${MEDIA[medium]}`, '');
    lines.push(...table(HEAD, rows.toSorted(byChange).map(cells)));
  }
  if (results.marks !== null) {
    for (const medium of ['nor', 'nand'] as const) {
      lines.push('', `## Marks: ${MEDIA[medium]}`, '');
      const marks = Object.entries(results.marks[medium]);
      lines.push(
        ...table(
          ['', 'wall, s', 'rounds'],
          marks.map(([name, values]) => [name, two(median(values)), values.map(two).join(' ')]),
        ),
      );
    }
    lines.push('');
    for (const { what, ratio, goal, met } of ratios(results)) {
      lines.push(`- ${what}: **${two(ratio)}** (goal: ${goal}; ${met ? 'met' : 'missed'})`);
    }
  }
  return `${lines.join('\n')}\n`;
}

const HEAD = [
  'changed',
  '',
  'wall, s',
  'CPU, s',
  'peak RSS, MiB',
  'MemAvailable drop, MiB',
  'lowest MemAvailable, MiB',
  'tmpfs, MiB',
  'erased, MiB',
  'programmed, MiB',
];

const byChange = (a: Row, b: Row): number => CHANGES.indexOf(b.change) - CHANGES.indexOf(a.change);

function cells(row: Row): string[] {
  const mib = (kib: number): string => (kib / 1024).toFixed(1);
  return [
    `${row.change} %`,
    row.peer,
    two(wallOf(row)),
    two(of(row, ({ user, system }) => user + system)),
    mib(of(row, ({ peakRss }) => peakRss)),
    dropOf(row).toFixed(1),
    mib(of(row, ({ lowestAvailable }) => lowestAvailable)),
    mib(of(row, ({ tmpfs }) => tmpfs)),
    mib(row.wear.erased / 1024),
    mib(row.wear.programmed / 1024),
  ];
}

const two = (value: number): string => value.toFixed(2);

const table = (head: readonly string[], rows: readonly (readonly string[])[]): string[] =>
  markdownTable(head, rows, (column) => head[column] === '' || head[column] === 'rounds');

export interface Ratio {
  readonly what: string;
  readonly ratio: number;
  readonly goal: string;
  readonly met: boolean;
}

/** The goals of time, of the medians; sluice less what node's start takes. Nothing when marks were not measured. */
export function ratios({ marks }: Results): Ratio[] {
  if (marks === null) return [];
  const time = (found: Marks, name: string): number => median(found[name] ?? []);
  const own = (found: Marks): number => time(found, 'sluice') - time(found, 'node -e 0');
  const least = ['flash_erase', 'dd', 'sha256sum', 'reading the device back'].map((name) =>
    time(marks.nor, name),
  );
  const full = own(marks.nor) / least.reduce((sum, seconds) => sum + seconds, 0);
  const nand = time(marks.nand, 'flash_erase') + time(marks.nand, 'nandwrite');
  const few = nand / own(marks.nand);
  return [
    {
      what: 'NOR-like, everything changed: sluice less node’s start, in terms of flash_erase + dd + sha256sum + reading back',
      ratio: full,
      goal: 'at most 1.3',
      met: full <= 1.3,
    },
    {
      what: 'NAND as slow as a chip, 5 % changed: flash_erase + nandwrite, in terms of sluice less node’s start',
      ratio: few,
      goal: 'at least 3',
      met: few >= 3,
    },
  ];
}
