// Bundles the harness, which is TypeScript, and runs it.
import { pathToFileURL } from 'node:url';
import { bundleTool } from '../../../.ci/tool.mjs';

// Under node_modules, so that packages are found from there and nothing has to be ignored.
const outfile = 'node_modules/.cache/sluice-kills/main.mjs';
await bundleTool('test/proof/kills/main.ts', outfile);
await import(pathToFileURL(outfile).href);
