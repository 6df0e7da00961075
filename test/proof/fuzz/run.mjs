// Bundles the fuzzer and what it fuzzes into one script, whose blocks V8 counts, and runs it.
import { spawn } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { build } from 'esbuild';

const folder = 'node_modules/.cache/sluice-fuzz';
const outfile = `${folder}/main.${process.pid}.mjs`;
mkdirSync(folder, { recursive: true });
await build({
  entryPoints: ['test/proof/fuzz/main.ts'],
  bundle: true,
  external: ['@noble/*', 'xxhash-wasm'],
  define: { SLUICE_VERSION: '"0"' },
  format: 'esm',
  platform: 'node',
  target: 'node20.12',
  outfile,
  logLevel: 'warning',
});
const words = ['--max-old-space-size=256', '--expose-gc', outfile, ...process.argv.slice(2)];
const child = spawn(process.execPath, words, { stdio: 'inherit' });
child.on('close', (code) => process.exit(code ?? 1));
