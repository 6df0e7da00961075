// Bundles the driver and what runs in the guest, which are TypeScript, and runs the driver.
import { mkdirSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { build } from 'esbuild';

// Under node_modules, so that packages are found from there and nothing has to be ignored; two folders deep, as
// test/kit is, which finds the repository from where it is.
const folder = 'node_modules/.sluice-guest';
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
    entryPoints: { main: 'test/guest/main.ts' },
    packages: 'external',
    outdir: folder,
    outExtension: { '.js': '.mjs' },
  }),
  build({
    ...shared,
    entryPoints: { inside: 'test/guest/inside/main.ts' },
    outdir: folder,
    outExtension: { '.js': '.mjs' },
  }),
]);
await import(pathToFileURL(`${folder}/main.mjs`).href);
