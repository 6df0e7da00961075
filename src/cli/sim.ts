import { readFileSync } from 'node:fs';
import { SluiceError } from '../core/errors.js';
import { printable } from '../core/text.js';
import { LAYOUTS, parseLayout, type Layout } from '../core/flash/layout.js';
import { parseFault } from '../core/sim/faults.js';
import { createSimChip, openSimTarget, planFaults } from '../host/node/flash/sim-file/target.js';
import { TIMING_NAMES } from '../core/sim/timing.js';
import { systemFailure } from '../core/system-reason.js';
import type { Command } from './command.js';
import { stdout } from './output.js';
import { mib, printJson, table } from './print.js';
import type { Invocation } from '../config/invocation.js';

/** Largest layout file: a handful of partitions. */
const MAX_LAYOUT_BYTES = 64 * 1024;

export const command: Command = {
  name: 'sim',
  usage: 'sim create PATH [options] | sim show PATH | sim fault PATH --fault FAULTS',
  summary: 'make a simulated flash chip, or show one',
  description: `A simulated chip is a file with the chip's raw bytes (dd and cmp work on it) and its description in PATH.json.
It is stricter than silicon: programming bits that need an erase, misaligned and overlapping operations are
errors. --fault plans failures: fail:erase:3 (the third erase fails), weak:17 (block 17 has gone bad),
cut:torn:any:120 (the power goes in the middle of operation 120), stuck:OFFSET:MASK:VALUE.`,
  examples: [
    'sluice sim create chip.bin --layout quanta-q71l --timing n25q256a',
    'sluice sim create nand.bin --layout openbmc-128 --type nand --bad 3,17',
    'sluice sim create chip.bin --layout my-layout.json --fault cut:torn:any:120 --force',
    'sluice sim show chip.bin',
    'sluice sim fault chip.bin --fault cut:torn:erase:60',
  ],
  options: {
    layout: {
      value: 'NAME|FILE',
      help: `${LAYOUTS.map(({ name }) => name).join(', ')},\nor a JSON file {name, size, partitions: [{name, offset, size}]}\n(default quanta-q71l)`,
    },
    type: { value: 'nor|nand', help: 'default nor' },
    timing: { value: 'MODEL', help: `${TIMING_NAMES.join(', ')} (default none)` },
    scale: { value: 'N', help: "scale of the chip's times, such as 0.01; default 0: no waiting" },
    'erase-size': { value: 'BYTES', help: 'erase block (default 65536; NAND 131072)' },
    'write-size': { value: 'BYTES', help: 'smallest program (default 1; NAND 2048)' },
    bad: { value: 'BLOCKS', help: 'factory bad blocks (NAND), such as 3,17' },
    fault: { value: 'FAULTS', help: 'fault plan, comma separated' },
    force: { help: 'replace an existing chip' },
  },
  arity: [2, 2],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const [verb, path] = invocation.arguments as [string, string];
  for (const name of Object.keys(command.options)) {
    if (!invocation.has(name) || verb === 'create' || (verb === 'fault' && name === 'fault')) continue;
    throw new SluiceError('ERR_USAGE_OPTION', `--${name} is not an option of sim ${verb}`);
  }
  if (verb === 'create') return create(path, invocation);
  if (verb === 'show') return show(path, invocation.has('json'));
  if (verb === 'fault') return fault(path, invocation);
  throw new SluiceError(
    'ERR_USAGE_ARGUMENT',
    `unknown verb sim ${verb}; the verbs are create, show and fault`,
  );
}

function fault(path: string, invocation: Invocation): number {
  const added = listOf(invocation, 'fault').map(parseFault);
  if (added.length === 0)
    throw new SluiceError('ERR_USAGE_OPTION', '--fault is missing; it names the faults to plan');
  const { faults } = planFaults(path, added);
  if (invocation.has('json')) printJson({ path, faults });
  else stdout().write(`${path}: ${planned(faults.length)}\n`);
  return 0;
}

function create(path: string, invocation: Invocation): number {
  const type = invocation.option('type') ?? 'nor';
  if (type !== 'nor' && type !== 'nand') {
    throw new SluiceError('ERR_USAGE_OPTION', `--type is nor or nand, not ${type}`);
  }
  const description = createSimChip(path, {
    layout: layoutOf(invocation.option('layout') ?? 'quanta-q71l'),
    type,
    timing: invocation.option('timing'),
    scale: numberOf(invocation, 'scale'),
    eraseSize: wholeOf(invocation, 'erase-size'),
    writeSize: wholeOf(invocation, 'write-size'),
    factoryBad: listOf(invocation, 'bad').map((text) => whole('bad', text)),
    faults: listOf(invocation, 'fault').map(parseFault),
    force: invocation.has('force'),
  });
  const { geometry, layout, timing } = description;
  if (invocation.has('json')) {
    printJson({ path, geometry, layout, timing: timing.model });
    return 0;
  }
  const out = (line: string) => stdout().write(`${line}\n`);
  out(
    `${path}: ${geometry.type}, ${mib(geometry.size)}, erase blocks of ${geometry.eraseSize} bytes, erased`,
  );
  for (const line of partitionTable(layout.partitions)) out(`  ${line}`);
  out(`use it as --flash sim:${path}`);
  return 0;
}

async function show(path: string, json: boolean): Promise<number> {
  const target = await openSimTarget(path);
  try {
    const { geometry, layout, timing, factoryBad, grownBad, faults, wear, totals } = target.description;
    const worn = wear.reduce((most, erases) => Math.max(most, erases), 0);
    if (json) {
      printJson({ path, geometry, layout, timing, factoryBad, grownBad, faults, totals, wear: [...wear] });
      return 0;
    }
    const out = (line: string) => stdout().write(`${line}\n`);
    out(`${path}: ${geometry.type}, ${mib(geometry.size)}, timing ${timing.model} at scale ${timing.scale}`);
    for (const line of partitionTable(layout.partitions)) out(`  ${line}`);
    out(
      `  erases ${totals.erases}, programs ${totals.programs}, reads ${totals.reads}; most worn block ${worn}`,
    );
    if (geometry.type === 'nand') {
      out(`  bad: factory ${factoryBad.join(', ') || 'none'}; grown ${grownBad.join(', ') || 'none'}`);
    }
    if (faults.length > 0) out(`  ${planned(faults.length)}`);
  } finally {
    await target.close();
  }
  return 0;
}

const planned = (faults: number): string => `${faults} fault${faults === 1 ? '' : 's'} planned`;

function partitionTable(partitions: Layout['partitions']): string[] {
  const hex = (value: number) => `0x${value.toString(16)}`;
  const rows = partitions.map(({ name, offset, size }) => [printable(name), hex(offset), hex(size)]);
  return table([['partition', 'offset', 'size'], ...rows]);
}

function layoutOf(text: string): Layout | string {
  if (LAYOUTS.some(({ name }) => name === text) || !/[./]/.test(text)) return text;
  let parsed: unknown;
  try {
    const bytes = readFileSync(text);
    if (bytes.length > MAX_LAYOUT_BYTES) throw new RangeError(`more than ${MAX_LAYOUT_BYTES} bytes`);
    parsed = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw systemFailure('ERR_USAGE_LAYOUT', `cannot read the layout ${text}`, cause);
  }
  return parseLayout(parsed, 1);
}

function listOf(invocation: Invocation, name: string): string[] {
  return invocation.option(name)?.split(',') ?? [];
}

function whole(name: string, text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new SluiceError('ERR_USAGE_OPTION', `--${name} takes whole numbers, not ${text}`);
}

function wholeOf(invocation: Invocation, name: string): number | undefined {
  const text = invocation.option(name);
  return text === undefined ? undefined : whole(name, text);
}

function numberOf(invocation: Invocation, name: string): number | undefined {
  const text = invocation.option(name);
  if (text === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
  throw new SluiceError('ERR_USAGE_OPTION', `--${name} takes a number, not ${text}`);
}
