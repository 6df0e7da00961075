// Bundles the harness and what it runs in the guest, which are TypeScript, builds the sampler, and runs the harness.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

// Under node_modules, so that packages are found from there and nothing has to be ignored.
const folder = 'node_modules/.cache/sluice-peers';
mkdirSync(folder, { recursive: true });
const shared = {
  bundle: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.12',
  loader: { '.sh': 'text' },
  logLevel: 'warning',
};
await Promise.all([
  build({
    ...shared,
    entryPoints: ['bench/peers/main.ts'],
    packages: 'external',
    outfile: `${folder}/main.mjs`,
  }),
  build({ ...shared, entryPoints: ['bench/peers/inside/main.ts'], outfile: `${folder}/inside.mjs` }),
]);
execFileSync('gcc', ['-O2', '-static', '-Wall', '-o', `${folder}/measure`, 'bench/peers/measure.c'], {
  stdio: 'inherit',
});
await import(pathToFileURL(`${folder}/main.mjs`).href);
