/**
 * Tests that need a preloaded library run in a child: tap itself must not get it. What the child says in TAP becomes
 * assertions here.
 */
import { mkdirSync, mkdtempSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { ADDON_FOLDER, type FakeBoard } from './fake-mtd.js';
import { bundleTest, readTap, type TapPoint } from './suite-bundle.js';

/** A test file as a script for plain node, with the real addon where node-mtd's loader looks for it. */
export async function scriptOf(folder: string, entry: string): Promise<string> {
  const home = mkdtempSync(join(folder, 'script-'));
  mkdirSync(join(home, 'bin'));
  symlinkSync(ADDON_FOLDER, join(home, 'native'));
  const script = join(home, 'bin/test.mjs');
  await bundleTest(entry, script);
  return script;
}

/** Runs such a script on a board; each of its tests and assertions becomes one of `t`. */
export async function runInside(
  t: Test,
  board: FakeBoard,
  script: string,
  env: Record<string, string> = {},
): Promise<void> {
  const settings = { SLUICE_TEST_SCRATCH: join(board.root, 'scratch'), ...env };
  const { code, signal, stdout, stderr } = await board.run(process.execPath, [script], settings);
  t.equal(signal ?? code, 0, `the child ended well ${stderr}`);
  if (code !== 0) t.comment(stdout);
  const points = readTap(stdout);
  t.ok(points.length > 0, 'it ran tests');
  for (const point of points) report(t, point);
}

function report(t: Test, { ok, name, skip, points }: TapPoint): void {
  if (skip !== null) t.pass(name, { skip: skip === '' ? true : skip });
  else if (points.length === 0) t.ok(ok, name);
  else {
    void t.test(name, (t) => {
      for (const point of points) report(t, point);
      t.end();
    });
  }
}
