// Bundles the harness and what it runs in the guest, which are TypeScript, builds the sampler, and runs the harness.
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { bundleTool } from '../../.ci/tool.mjs';

// Under node_modules, so that packages are found from there and nothing has to be ignored.
const folder = 'node_modules/.cache/sluice-peers';
mkdirSync(folder, { recursive: true });
await Promise.all([
  bundleTool('bench/peers/main.ts', `${folder}/main.mjs`),
  bundleTool('bench/peers/inside/main.ts', `${folder}/inside.mjs`, { inside: true }),
]);
execFileSync('gcc', ['-O2', '-static', '-Wall', '-o', `${folder}/measure`, 'bench/peers/measure.c'], {
  stdio: 'inherit',
});
await import(pathToFileURL(`${folder}/main.mjs`).href);
