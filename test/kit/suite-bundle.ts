/**
 * A test file as one script for plain node, without node_modules: for children that run under a preloaded library
 * and for guests. `tap` is replaced by test/kit/tap-stand-in.ts; it prints TAP, see `readTap`.
 */
import { build } from 'esbuild';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../..', import.meta.url));

/** The conformance suite on real devices, which are named by SLUICE_TEST_MTD, SLUICE_TEST_UBI, SLUICE_TEST_BLOCK. */
export const REAL_DEVICES = 'test/conformance/real.test.ts';

/**
 * Bundles a test (path from the repository's root) into `outfile`, an ES module (.mjs). The addon of node-mtd is no
 * part of it.
 */
export async function bundleTest(entry: string, outfile: string): Promise<void> {
  await build({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile: resolve(outfile),
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.12',
    legalComments: 'none',
    logLevel: 'warning',
    define: { SLUICE_VERSION: '"test"' },
    alias: { tap: resolve(ROOT, 'test/kit/tap-stand-in.ts') },
    // Some CommonJS dependencies (pino) call require() for node's own modules.
    banner: {
      js: "import { createRequire as __createRequire } from 'node:module'; const require = __createRequire(import.meta.url);",
    },
  });
}

/** One test or assertion of a TAP output, with its subtests. */
export interface TapPoint {
  readonly ok: boolean;
  readonly name: string;
  /** Reason of a skip, empty when none was given; null where it was not skipped. */
  readonly skip: string | null;
  readonly points: readonly TapPoint[];
}

/** Reads what tap-stand-in prints. Throws where the plan is missing: the script died before its end. */
export function readTap(text: string): TapPoint[] {
  const open: TapPoint[][] = [[]];
  let planned = false;
  for (const line of text.split('\n')) {
    const [, indent = '', rest = ''] = /^((?: {4})*)(.*)$/.exec(line) ?? [];
    const depth = indent.length / 4;
    if (depth === 0 && /^1\.\.\d+$/.test(rest)) planned = true;
    const point = /^(not )?ok \d+ - (.*?)(?: # (SKIP|TODO|time=)(.*))?$/.exec(rest);
    if (point === null) continue;
    const [, not, name = '', directive, reason = ''] = point;
    while (open.length <= depth + 1) open.push([]);
    const points = open[depth + 1] ?? [];
    open.length = depth + 1;
    const skip = directive === 'SKIP' || directive === 'TODO' ? reason.trim() : null;
    open[depth]?.push({ ok: not === undefined, name, skip, points });
  }
  if (!planned) throw new Error(`the TAP has no plan; its end: ${text.slice(-400)}`);
  return open[0] ?? [];
}
