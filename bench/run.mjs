// Bundles the harness, which is TypeScript and shares the tests' bundle maker, and runs it.
import { pathToFileURL } from 'node:url';
import { bundleTool } from '../.ci/tool.mjs';

// Under node_modules, so that packages are found from there and nothing has to be ignored.
const folder = 'node_modules/.cache/sluice-bench';
await Promise.all(
  ['main', 'launched'].map((name) => bundleTool(`bench/${name}.ts`, `${folder}/${name}.mjs`)),
);
await import(pathToFileURL(`${folder}/main.mjs`).href);
