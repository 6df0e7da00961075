/**
 * Makes JavaScript of our TypeScript for the tests: tap's loader asks for it (tsconfig.json). esbuild does it, as it
 * does for the program, and what it has made stays in a cache: the compiler, asked anew for every file by each of 150
 * processes, took more time than most of their tests.
 */
const { createHash } = require('node:crypto');
const { mkdirSync, readFileSync, renameSync, writeFileSync } = require('node:fs');
const { join } = require('node:path');
const { transformSync, version } = require('esbuild');

const FOLDER = join(__dirname, '../../node_modules/.cache/sluice-tests');
const OPTIONS = {
  loader: 'ts',
  format: 'esm',
  target: 'node20.12',
  sourcemap: 'external',
  tsconfigRaw: { compilerOptions: { verbatimModuleSyntax: true, useDefineForClassFields: true } },
};

const keyOf = (text, file) =>
  createHash('sha256')
    .update(JSON.stringify([version, OPTIONS, file, text]))
    .digest('hex');

function transpile(text, { fileName }) {
  const path = join(FOLDER, `${keyOf(text, fileName)}.json`);
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    const { code, map } = transformSync(text, { ...OPTIONS, sourcefile: fileName });
    const made = { outputText: code, sourceMapText: map };
    mkdirSync(FOLDER, { recursive: true });
    // Other processes look for it, too, and must not find a half.
    const own = `${path}.${process.pid}`;
    writeFileSync(own, JSON.stringify(made));
    renameSync(own, path);
    return made;
  }
}

exports.create = () => ({ transpile });
