// Bundles src/ into dist/: the program (dist/bin, everything inside, rare parts in chunks of their own that are
// loaded when used) and the library (dist/lib, dependencies left outside). With --types also the declarations.
// dist/native gets the addons that `npm run build:native` has made.
import { execFileSync } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { build } from 'esbuild';
import { copyAddons } from './native.mjs';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const shared = {
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.12',
  legalComments: 'none',
  logLevel: 'warning',
  define: { SLUICE_VERSION: JSON.stringify(version) },
};

// Made beside dist and put in its place whole, so that a program that runs meanwhile finds its chunks.
const fresh = `dist.${process.pid}`;
await Promise.all([
  build({
    ...shared,
    entryPoints: { sluice: 'src/cli/main.ts' },
    outdir: `${fresh}/bin`,
    // Some CommonJS dependencies (pino) call require() for node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  }),
  build({
    ...shared,
    entryPoints: { index: 'src/index.ts', core: 'src/core.ts', sim: 'src/flash/sim/index.ts' },
    outdir: `${fresh}/lib`,
    packages: 'external',
    // It is in no registry: inside, like sources of our own.
    alias: { 'node-mtd': './native-shims/node-mtd/src/index.ts' },
  }),
]);
copyFileSync('src/cli/launcher.sh', `${fresh}/bin/sluice`);
chmodSync(`${fresh}/bin/sluice`, 0o755);
chmodSync(`${fresh}/bin/sluice.js`, 0o755);
copyAddons(fresh);
rmSync('dist', { recursive: true, force: true });
renameSync(fresh, 'dist');
if (process.argv.includes('--types')) {
  execFileSync('npx', ['tsc', '-p', 'tsconfig.types.json'], { stdio: 'inherit' });
}
