// The direction of imports (docs/architecture.md), checked: each room imports only from the rooms that rooms.mjs names,
// there are no cycles of files or of rooms, and portable rooms import nothing of Node or npm.
// `node .ci/layers.mjs [FOLDER]`
import { importsOf } from './imports.mjs';
import { FACES, PORTABLE, roomOf, ROOMS } from './rooms.mjs';

const root = process.argv[2] ?? 'src';
const files = importsOf(root);
const faults = [];

const rooms = new Map();
for (const [path, targets] of files) {
  const face = FACES[path];
  const room = face === undefined ? roomOf(path) : path;
  if (room === null) faults.push(`${path}: the file is in no room of .ci/rooms.mjs`);
  const allowed = face ?? ROOMS[room] ?? [];
  for (const target of targets) {
    if (!target.endsWith('.ts')) {
      if (PORTABLE.test(path)) faults.push(`${path}: a portable room must not import '${target}'`);
      continue;
    }
    const to = Object.hasOwn(FACES, target) ? target : roomOf(target);
    if (to === room || to === null) continue;
    if (!allowed.includes(to)) faults.push(`${path}: ${room} must not import from ${to} (${target})`);
    if (face === undefined) rooms.set(room, (rooms.get(room) ?? new Set()).add(to));
  }
}

/** Faults of the cycles in a graph, one for each node that closes one. */
function cycles(graph, what) {
  const done = new Set();
  const walk = (node, trail) => {
    if (trail.includes(node)) {
      faults.push(`a cycle of ${what}: ${[...trail.slice(trail.indexOf(node)), node].join(' -> ')}`);
      return;
    }
    if (done.has(node)) return;
    for (const next of graph.get(node) ?? []) walk(next, [...trail, node]);
    done.add(node);
  };
  for (const node of graph.keys()) walk(node, []);
}
cycles(files, 'files');
cycles(rooms, 'rooms');

for (const fault of faults) console.error(fault);
console.log(`layers: ${files.size} files in ${Object.keys(ROOMS).length} rooms, ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
