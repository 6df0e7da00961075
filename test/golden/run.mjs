// Bundles the recorder, which is TypeScript, and runs it.
import { pathToFileURL } from 'node:url';
import { bundleTool } from '../../.ci/tool.mjs';

const outfile = 'node_modules/.cache/sluice-golden/record.mjs';
await bundleTool('test/golden/record.ts', outfile);
await import(pathToFileURL(outfile).href);
