/** Titles of tests, for pages and tables that name them. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** The text of a file of the repository. */
export const textOf = (path: string): string => readFileSync(`${ROOT}${path}`, 'utf8');

/** Titles of the tests of a file, templates as they are written. */
export const titlesOf = (path: string): string[] =>
  [...textOf(path).matchAll(/t\.test\(\s*(?:'((?:[^'\\]|\\.)*)'|"([^"]*)"|`([^`]*)`)/g)].map(
    ([, single, double, template]) => (single ?? double ?? template ?? '').replaceAll(/\\(.)/g, '$1'),
  );
