// Bundles src/ into dist/: the program (dist/bin, everything inside, rare parts in chunks of their own that are
// loaded when used) and the library (dist/lib, dependencies left outside). With --types also the declarations.
// dist/native gets the addons that `npm run build:native` has made.
import { spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename } from 'node:path';
import { build, transform } from 'esbuild';
import { copyAddons } from './native.mjs';
import { bundledPackages, licenceNotices } from './notices.mjs';
import { emitTypes } from './types.mjs';

const { version } = JSON.parse(readFileSync('package.json', 'utf8'));
const shared = {
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20.12',
  // The notices of all packages stand in one file beside the bundles.
  legalComments: 'none',
  metafile: true,
  logLevel: 'warning',
  define: { SLUICE_VERSION: JSON.stringify(version) },
};

// Made beside dist and put in its place whole, so that a program that runs meanwhile finds its chunks.
const fresh = `dist.${process.pid}`;
const metafiles = await Promise.all([
  buildProgram(`${fresh}/bin`),
  buildPage(`${fresh}/bin/page`),
  build({
    ...shared,
    entryPoints: { index: 'src/index.ts', core: 'src/core/index.ts', sim: 'src/core/sim/index.ts' },
    outdir: `${fresh}/lib`,
    packages: 'external',
    // It is in no registry: inside, like sources of our own.
    alias: { 'node-mtd': './native-shims/node-mtd/src/index.ts' },
  }).then(({ metafile }) => metafile),
]);
writeFileSync(`${fresh}/THIRD-PARTY-LICENSES.txt`, licenceNotices(bundledPackages(metafiles)));

/**
 * The program as CommonJS. esbuild splits ES modules only, so each of its chunks is turned round behind it. As ES
 * modules node's own modules would be loaded with every export that they have (node:fs brings all of streams) and each
 * chunk through the asynchronous loader: a start takes a third less CPU time this way. src/cli/start/loader.ts loads them.
 */
async function buildProgram(folder) {
  const { outputFiles, metafile } = await build({
    ...shared,
    entryPoints: { main: 'src/cli/main.ts' },
    // What the cache has of a file must not be taken for another one.
    entryNames: '[name]-[hash]',
    outdir: folder,
    write: false,
    minify: true,
  });
  const main = outputFiles.map(({ path }) => basename(path)).find((name) => name.startsWith('main-'));
  mkdirSync(folder, { recursive: true });
  await Promise.all([
    ...outputFiles.map(async ({ path, text }) => {
      const { code } = await transform(text, {
        format: 'cjs',
        platform: 'node',
        target: shared.target,
        minify: true,
        supported: { 'dynamic-import': false },
        define: { 'import.meta.url': 'sluiceModuleUrl' },
      });
      const url = code.includes('sluiceModuleUrl')
        ? "const sluiceModuleUrl=require('node:url').pathToFileURL(__filename).href;"
        : '';
      writeFileSync(`${folder}/${basename(path)}`, url + code);
    }),
    build({
      ...shared,
      splitting: false,
      format: 'cjs',
      entryPoints: { sluice: 'src/cli/start/loader.ts', 'make-cache': 'src/cli/start/make-cache.ts' },
      outdir: folder,
      minify: true,
      define: { SLUICE_MAIN: JSON.stringify(`./${main}`) },
      banner: { js: '#!/usr/bin/env node' },
    }),
  ]);
  writeFileSync(`${folder}/package.json`, '{ "type": "commonjs" }\n');
  return metafile;
}

/** The status page, as files: the program reads them when they are asked for. */
async function buildPage(folder) {
  const from = 'src/protocols/page';
  const { metafile } = await build({
    bundle: true,
    minify: true,
    metafile: true,
    format: 'iife',
    target: 'es2022',
    logLevel: 'warning',
    entryPoints: [
      { in: `${from}/client/main.ts`, out: 'page' },
      { in: `${from}/page.css`, out: 'page' },
    ],
    outdir: folder,
  });
  for (const name of ['page.html', 'icon.svg']) copyFileSync(`${from}/${name}`, `${folder}/${name}`);
  return metafile;
}

copyFileSync('src/cli/start/launcher.sh', `${fresh}/bin/sluice`);
chmodSync(`${fresh}/bin/sluice`, 0o755);
chmodSync(`${fresh}/bin/sluice.js`, 0o755);
copyAddons(fresh);
makeCache(`${fresh}/bin`);
if (process.argv.includes('--types')) emitTypes(`${fresh}/types`);
swap(fresh, 'dist');

/** What the program starts faster with, on this version of Node; it does without where this fails. */
function makeCache(folder) {
  const { NODE_OPTIONS: _, ...env } = process.env;
  spawnSync(process.execPath, [`${folder}/make-cache.js`], {
    stdio: ['ignore', 'ignore', 'inherit'],
    env: { ...env, SLUICE_NODE: process.execPath },
  });
}

/**
 * Puts a folder in the place of another. A folder cannot be renamed onto one that has files, so there is a moment
 * without; it lasts for one system call.
 */
function swap(from, to) {
  const old = `${from}.old`;
  // Another build may put its own there in that moment.
  for (;;) {
    try {
      renameSync(to, old);
    } catch (error) {
      if (error.code !== 'ENOENT') throw error;
    }
    try {
      renameSync(from, to);
      break;
    } catch (error) {
      if (error.code !== 'ENOTEMPTY' && error.code !== 'EEXIST') throw error;
      rmSync(old, { recursive: true, force: true });
    }
  }
  rmSync(old, { recursive: true, force: true });
}
