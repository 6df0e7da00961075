// Bundles the harness, which is TypeScript and shares the tests' kit, and runs it from the repository's root.
import { mkdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const [name, ...rest] = process.argv.slice(2);
process.argv.splice(2, Infinity, ...rest);
// As deep in the tree as the kit's sources, some of which find the repository by where they lie.
const outfile = `rig-work/ast2600/${name}.mjs`;
mkdirSync('rig-work/ast2600', { recursive: true });
await build({
  entryPoints: [`test/guest/ast2600/${name}.ts`],
  bundle: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: 'node20.12',
  outfile,
  logLevel: 'warning',
});
await import(pathToFileURL(outfile).href);
