// Bundles the harness, which is TypeScript, and runs it.
import { mkdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

// Under node_modules, so that packages are found from there and nothing has to be ignored.
const outfile = 'node_modules/.cache/sluice-kills/main.mjs';
mkdirSync('node_modules/.cache/sluice-kills', { recursive: true });
await build({
  entryPoints: ['test/kills/main.ts'],
  bundle: true,
  packages: 'external',
  format: 'esm',
  platform: 'node',
  target: 'node20.12',
  outfile,
  logLevel: 'warning',
});
await import(pathToFileURL(outfile).href);
