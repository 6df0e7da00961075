// Draws the rooms of src/ for docs/architecture.md from the imports themselves, as a Mermaid diagram between two marks.
// `--check` only reports whether the page is what would be drawn. `--figures` prints rooms, arrows and lines.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { importsOf } from './imports.mjs';

const ROOT = 'src';
const PAGE = 'docs/architecture.md';
const [BEGIN, END] = ['<!-- rooms: drawn by .ci/picture.mjs -->', '<!-- end of rooms -->'];

/** What is drawn as one box, from the top floor down, with its label. The room of a file is the longest path. */
const BOXES = {
  cli: 'cli: commands, terminal',
  daemon: 'daemon: listeners, TLS, stop',
  config: 'config: options and file',
  tools: 'tools: pack, inspect, client',
  protocols: 'protocols: http, v1, redfish, page',
  service: 'service: one job at a time',
  'host/node': 'host/node: what Node gives',
  'core/audit': 'core/audit: the log of receipts',
  'core/update': 'core/update: the session',
  'core/trust': 'core/trust: who may write',
  'core/bundle': 'core/bundle: what arrives',
  'core/sim': 'core/sim: simulated chip',
  'core/flash': 'core/flash: the device',
};

/** Boxes that a byte goes through on its way from a sender to flash, in this order. */
const WAY = ['protocols', 'service', 'core/update', 'core/bundle', 'core/trust', 'core/flash'];

const boxOf = (path) =>
  Object.keys(BOXES)
    .filter((box) => path.startsWith(`${box}/`))
    .sort((a, b) => b.length - a.length)[0];

const files = importsOf(ROOT);
const lines = new Map();
const arrows = new Map();
for (const [path, targets] of files) {
  const from = boxOf(path);
  if (from === undefined) continue;
  const count = readFileSync(join(ROOT, path), 'utf8').split('\n').length - 1;
  lines.set(from, (lines.get(from) ?? 0) + count);
  for (const to of targets.map(boxOf)) {
    if (to !== undefined && to !== from) arrows.set(from, (arrows.get(from) ?? new Set()).add(to));
  }
}

/** Whether `to` can be reached from `from` by two arrows or more: then the one between them is not drawn. */
const isImplied = (from, to) => [...(arrows.get(from) ?? [])].some((via) => via !== to && reaches(via, to));
const reaches = (from, to) => [...(arrows.get(from) ?? [])].some((next) => next === to || reaches(next, to));

const id = (box) => box.replace(/\W/g, '_');
const hundreds = (count) => `${(count / 1000).toFixed(1)}k lines`;
const drawn = Object.keys(BOXES).flatMap((from) =>
  [...(arrows.get(from) ?? [])].filter((to) => !isImplied(from, to)).map((to) => [from, to]),
);
const picture = [
  '```mermaid',
  'flowchart TD',
  ...Object.entries(BOXES).map(([box, label]) => `  ${id(box)}["${label}"]`),
  ...drawn.map(([from, to]) => `  ${id(from)} --> ${id(to)}`),
  '  classDef way stroke-width:3px',
  `  class ${WAY.map(id).join(',')} way`,
  '```',
].join('\n');

if (process.argv.includes('--figures')) {
  const all = [...arrows.values()].reduce((sum, to) => sum + to.size, 0);
  for (const [box, count] of lines) console.log(`${box.padEnd(12)} ${hundreds(count)}`);
  console.log(`${lines.size} rooms, ${all} arrows, ${drawn.length} of them drawn`);
  process.exit();
}

const page = readFileSync(PAGE, 'utf8');
const [start, end] = [page.indexOf(BEGIN), page.indexOf(END)];
if (start < 0 || end < start) throw new Error(`${PAGE} lacks the marks ${BEGIN} and ${END}`);
const wanted = `${page.slice(0, start)}${BEGIN}\n\n${picture}\n\n${page.slice(end)}`;
if (!process.argv.includes('--check')) writeFileSync(PAGE, wanted);
else if (wanted !== page) {
  process.stderr.write(`${PAGE} is not what the imports say; run npm run docs\n`);
  process.exitCode = 1;
}
