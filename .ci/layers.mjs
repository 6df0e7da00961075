// The direction of imports (docs/architecture.md), checked: each room imports only from the rooms that rooms.mjs names,
// there are no cycles of rooms or of files, and portable rooms import nothing of Node or npm.
import { pathToFileURL } from 'node:url';
import { importsOf } from './imports.mjs';
import { FACES, PORTABLE, roomOf, ROOMS } from './rooms.mjs';

/**
 * Faults in the imports below `root`, one sentence each; none when all is well.
 * @param table - where each room may import from, beside itself
 */
export function layerFaults(root, table = ROOMS) {
  const files = importsOf(root);
  const faults = cycles(
    new Map(Object.entries(table).map(([room, to]) => [room, to.filter((x) => x !== room)])),
    'rooms',
  );
  for (const [path, targets] of files) {
    const room = roomFor(path, table);
    if (room === null) faults.push(`${path}: the file is in no room of .ci/rooms.mjs`);
    const allowed = FACES[path] ?? table[room] ?? [];
    for (const target of targets) {
      if (!target.endsWith('.ts')) {
        if (PORTABLE.test(path)) faults.push(`${path}: a portable room must not import '${target}'`);
        continue;
      }
      const to = roomFor(target, table);
      if (to === null || to === room || allowed.includes(to)) continue;
      faults.push(`${path}: ${room} must not import from ${to} (${target})`);
    }
  }
  return [...faults, ...cycles(files, 'files')];
}

/** A face is a room of its own. */
const roomFor = (path, table) => (Object.hasOwn(FACES, path) ? path : roomOf(path, table));

/** Faults of the cycles in a graph, one for each arrow that closes one. */
function cycles(graph, what) {
  const faults = [];
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
  return faults;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const faults = layerFaults('src');
  for (const fault of faults) console.error(fault);
  console.log(`layers: ${Object.keys(ROOMS).length} rooms, ${faults.length} faults`);
  process.exit(faults.length === 0 ? 0 : 1);
}
