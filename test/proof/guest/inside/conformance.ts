/** The conformance suite of flash devices on real ones; its TAP goes to the host, which counts each sentence. */
import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { DISK } from './disk.js';
import { KIB, loadNand, loadNor, MIB } from './mtd.js';
import { run } from './run.js';
import type { Scenario } from './scenario.js';
import { volume } from './ubi.js';

const TAP = '/host/tap';

/** Runs it on what `prepare` makes and names. */
function suite(name: string, prepare: () => Readonly<Record<string, string>>): Scenario {
  return {
    name: `conformance: ${name}: the suite comes to its end`,
    body() {
      const env = { ...process.env, ...prepare() };
      const ran = run('node', ['/opt/sluice/test/conformance.mjs'], { env });
      mkdirSync(TAP, { recursive: true });
      writeFileSync(`${TAP}/${name}`, ran.stdout);
      assert.match(ran.stdout.toString(), /^1\.\.\d+$/m, `it ended with ${ran.code}: ${ran.stderr}`);
    },
  };
}

export const conformance: readonly Scenario[] = [
  suite('mtdram', () => ({ SLUICE_TEST_MTD: loadNor(512 * KIB).name })),
  suite('nandsim with bad blocks', () => {
    const [nand] = loadNand({ parts: [16], bad: [0, 3] });
    assert.ok(nand !== undefined);
    return { SLUICE_TEST_MTD: nand.name, SLUICE_TEST_MARK_BAD: '1' };
  }),
  suite('a UBI volume', () => {
    volume(MIB);
    return { SLUICE_TEST_UBI: 'kernel' };
  }),
  suite('a disk', () => ({ SLUICE_TEST_BLOCK: DISK })),
];
