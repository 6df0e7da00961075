// The declarations of the library: what its entry points lead to, and nothing else. The drivers' own speak of node-mtd,
// which no consumer has and none needs.
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, normalize } from 'node:path';

/** As package.json exports them. */
const ENTRIES = ['index', 'core/index', 'core/sim/index'];

/** `from './x.js'`, `import('./x.js')`, `import './x.js'`. */
const IMPORT = /\b(?:from|import)\s*\(?\s*['"]([^'"]+)['"]/g;

/** Emits them into a folder; fails where they lead out of it, but for modules of Node. */
export function emitTypes(folder) {
  execFileSync('npx', ['tsc', '-p', 'tsconfig.types.json', '--outDir', folder], { stdio: 'inherit' });
  const reached = new Set();
  const queue = ENTRIES.map((entry) => `${entry}.d.ts`);
  for (let file = queue.pop(); file !== undefined; file = queue.pop()) {
    if (reached.has(file)) continue;
    reached.add(file);
    for (const [, to] of readFileSync(join(folder, file), 'utf8').matchAll(IMPORT)) {
      if (to.startsWith('.')) queue.push(normalize(join(file, '..', to)).replace(/\.js$/, '.d.ts'));
      else if (!to.startsWith('node:'))
        throw new Error(`${file} imports ${to}, which a consumer may not have`);
    }
  }
  prune(folder, '', reached);
}

/** Removes what was not reached, and the folders that are empty then. */
function prune(folder, within, reached) {
  for (const name of readdirSync(join(folder, within))) {
    const path = join(within, name);
    const full = join(folder, path);
    if (statSync(full).isDirectory()) prune(folder, path, reached);
    else if (!reached.has(path)) rmSync(full);
  }
  if (readdirSync(join(folder, within)).length === 0) rmSync(join(folder, within), { recursive: true });
}
