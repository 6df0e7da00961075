// What the files of src/ import, as TypeScript reads it.
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';

/**
 * The files below `root` in order, each with its imports: paths below `root` for its own files (`core/errors.ts`), names
 * for modules of Node and npm (`node:fs`).
 */
export function importsOf(root) {
  const files = readdirSync(root, { recursive: true })
    .map(String)
    .filter((path) => path.endsWith('.ts'))
    .sort();
  return new Map(
    files.map((path) => {
      const { importedFiles } = ts.preProcessFile(readFileSync(join(root, path), 'utf8'));
      const targets = importedFiles.map(({ fileName }) =>
        fileName.startsWith('.')
          ? relative(root, join(root, dirname(path), fileName)).replace(/\.js$/, '.ts')
          : fileName,
      );
      return [path, targets];
    }),
  );
}
