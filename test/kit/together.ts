/** Runs many test files in one process: a start of tap costs more than most files take. */
import { readdirSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import t from 'tap';

const TESTS = fileURLToPath(new URL('..', import.meta.url));

/** `.alone` changes the process and gets one of its own; `.program` runs the built program (`npm run test:system`). */
const APART = /\.(alone|program)\.test\.ts$/;

/** What a test file could change for the files after it. */
const processState = (): unknown => ({
  env: { ...process.env },
  cwd: process.cwd(),
  umask: process.umask(),
  exitCode: process.exitCode,
  gc: globalThis.gc,
  fetch: globalThis.fetch,
});

/** Paths of the test files below a folder of `test/` that may share a process, in the order of their names. */
export function testFilesOf(folder: string): string[] {
  return readdirSync(join(TESTS, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.test.ts') && !APART.test(name))
    .sort()
    .map((name) => join(TESTS, folder, name));
}

/**
 * Runs test files one after the other. After each it checks that the file left the process as it was, so that no
 * result depends on the files before.
 */
export async function runTogether(files: readonly string[]): Promise<void> {
  for (const file of files) {
    const before = processState();
    await import(pathToFileURL(file).href);
    // Tests run in turn, so this one begins when those of the file have ended.
    await t.test(`${relative(TESTS, file)} leaves the process as it was`, async (t) => {
      t.strictSame(processState(), before);
    });
  }
}
