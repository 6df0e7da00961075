// The house rule of docs/architecture.md, checked: imports run one way, without cycles, and the portable core
// imports nothing from Node or npm.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import ts from 'typescript';

const ROOT = resolve('src');

// A layer may import from itself, from the base files and from the layers named here.
const LAYERS = {
  base: [],
  flash: [],
  bundle: [],
  trust: ['bundle'],
  update: ['flash', 'bundle', 'trust'],
  ingress: ['flash', 'bundle', 'trust', 'update'],
  board: ['flash', 'bundle', 'trust', 'update'],
  cli: ['flash', 'bundle', 'trust', 'update', 'ingress', 'board'],
  entry: ['flash', 'bundle', 'trust', 'update', 'ingress', 'board'],
};
const BASE_FILES = new Set(['errors.ts', 'platform.ts', 'bytes.ts']);
const ENTRY_FILES = new Set(['index.ts', 'core.ts']);
// Parts of flash/ that talk to Node; all else in the portable folders must not.
const NODE_PARTS = new Set([
  'flash/sim/file-store.ts',
  'flash/sim/real-clock.ts',
  'flash/sim/target.ts',
  'flash/sim/lock.ts',
  'flash/open.ts',
  'flash/in-use/',
  'flash/mtd/',
  'flash/ubi/',
  'flash/block/',
]);
const isNodePart = (path) =>
  [...NODE_PARTS].some((part) => path === part || (part.endsWith('/') && path.startsWith(part)));
const PORTABLE_LAYERS = new Set(['base', 'flash', 'bundle', 'trust', 'update']);

function layerOf(path) {
  if (BASE_FILES.has(path)) return 'base';
  if (ENTRY_FILES.has(path)) return 'entry';
  return path.split('/')[0];
}

const files = readdirSync(ROOT, { recursive: true })
  .map(String)
  .filter((path) => path.endsWith('.ts'));
const edges = new Map();
const faults = [];

for (const path of files) {
  const layer = layerOf(path);
  if (!(layer in LAYERS)) faults.push(`${path}: the folder is in no layer`);
  const portable = (PORTABLE_LAYERS.has(layer) && !isNodePart(path)) || path === 'core.ts';
  const targets = [];
  for (const { fileName } of ts.preProcessFile(readFileSync(join(ROOT, path), 'utf8')).importedFiles) {
    if (!fileName.startsWith('.')) {
      if (portable) faults.push(`${path}: the portable core must not import '${fileName}'`);
      continue;
    }
    const target = relative(ROOT, resolve(ROOT, dirname(path), fileName)).replace(/\.js$/, '.ts');
    targets.push(target);
    const to = layerOf(target);
    if (to !== layer && to !== 'base' && !(LAYERS[layer] ?? []).includes(to)) {
      faults.push(`${path}: an upward import, ${layer} -> ${to} (${target})`);
    }
    if (portable && isNodePart(target)) faults.push(`${path}: portable, but imports ${target}`);
  }
  edges.set(path, targets);
}

const done = new Set();
function walk(path, trail) {
  if (trail.includes(path)) {
    faults.push(`cycle: ${[...trail.slice(trail.indexOf(path)), path].join(' -> ')}`);
    return;
  }
  if (done.has(path)) return;
  for (const target of edges.get(path) ?? []) walk(target, [...trail, path]);
  done.add(path);
}
for (const path of files) walk(path, []);

for (const fault of faults) console.error(fault);
console.log(`layers: ${files.length} files, ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
