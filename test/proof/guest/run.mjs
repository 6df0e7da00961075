// Bundles the driver and what runs in the guest, which are TypeScript, and runs the driver.
import { pathToFileURL } from 'node:url';
import { bundleTool } from '../../../.ci/tool.mjs';

// Under node_modules, so that packages are found from there and nothing has to be ignored; two folders deep, as
// test/kit is, which finds the repository from where it is.
const folder = 'node_modules/.sluice-guest';
await Promise.all([
  bundleTool('test/proof/guest/main.ts', `${folder}/main.mjs`),
  bundleTool('test/proof/guest/inside/main.ts', `${folder}/inside.mjs`, { inside: true }),
]);
await import(pathToFileURL(`${folder}/main.mjs`).href);
