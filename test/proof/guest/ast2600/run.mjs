// Bundles the harness, which is TypeScript and shares the tests' kit, and runs it from the repository's root.
import { pathToFileURL } from 'node:url';
import { bundleTool } from '../../../../.ci/tool.mjs';

const [name, ...rest] = process.argv.slice(2);
process.argv.splice(2, Infinity, ...rest);
// As deep in the tree as the kit's sources, some of which find the repository by where they lie.
const outfile = `rig-work/ast2600/${name}.mjs`;
await bundleTool(`test/proof/guest/ast2600/${name}.ts`, outfile);
await import(pathToFileURL(outfile).href);
