// The licences of the packages that are bundled into dist: their authors ask that the text goes where the code goes.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Where a licence stands in a package, by the names in use. */
const LICENCE_FILE = /^(licen[cs]e|copying|notice)([.-].*)?$/i;

/** `node_modules/NAME/` or `node_modules/@SCOPE/NAME/` at the start of a path, the innermost one. */
const PACKAGE_FOLDER = /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/;

/**
 * The folders of the packages that a bundle contains.
 * @param {readonly { inputs: Record<string, unknown> }[]} metafiles - of esbuild
 * @returns {string[]} sorted, each once
 */
export function bundledPackages(metafiles) {
  const inputs = metafiles.flatMap(({ inputs }) => Object.keys(inputs));
  const folders = inputs.map((path) => PACKAGE_FOLDER.exec(path)?.[0]).filter((path) => path !== undefined);
  return [...new Set(folders)].sort();
}

/**
 * One text with name, version, licence and licence text of each package.
 * @param {readonly string[]} folders - of the packages
 * @throws Error if a package has no `license` in its package.json, or no file with the text
 */
export function licenceNotices(folders) {
  return folders.map(noticeOf).join(`\n${'-'.repeat(80)}\n\n`);
}

function noticeOf(folder) {
  const { name, version, license } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  if (typeof license !== 'string' || license === '')
    throw new Error(`${folder}/package.json has no license: the package must not be bundled`);
  const files = readdirSync(folder).filter((file) => LICENCE_FILE.test(file));
  if (files.length === 0) throw new Error(`${folder} has no file with its licence: it must not be bundled`);
  const texts = files.sort().map((file) => readFileSync(join(folder, file), 'utf8').trim());
  return `${name} ${version} (${license})\n\n${texts.join('\n\n')}\n`;
}
