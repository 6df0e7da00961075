/**
 * `npm run test:mtd`: the real program on real MTD, in guests that are booted for it. Prints TAP, and at the end the
 * totals as the runner of the other tests prints them.
 */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { bundleTest, readTap, REAL_DEVICES } from '../../kit/suite-bundle.js';
import { makeFixtures } from './fixtures.js';
import type { Result } from './inside/scenario.js';
import { Site } from './site.js';
import { bootGuest } from './vm/boot.js';
import { cacheFolder } from './vm/cache.js';
import { guestFiles, type GuestFiles } from './vm/guest-files.js';
import { Missing } from './vm/missing.js';

const USAGE = `npm run test:mtd -- [--only GROUP[,GROUP]] [--test TEXT] [--keep]

Boots QEMU guests with simulated flash and runs the tests of test/proof/guest/inside in them. --only takes groups, --test
the tests whose names have that text in them, --keep leaves the folder with bundles, results and consoles.
`;

/** Those that take longest come first. */
const GROUPS = ['nor', 'mounted', 'nand', 'conformance', 'ubi', 'disk', 'guest'] as const;
/** Guests that run at a time, of one processor each. */
const GUESTS = 2;
/** Seconds for a guest, most of which it does not need: the machine may be busy. */
const LIMIT = 900;

/** Of the disk that guests have beside those that they run from. */
const DISK_SIZE = 16 * 2 ** 20;

const print = (text: string): void => void process.stdout.write(`${text}\n`);

class Report {
  readonly #counts = { total: 0, pass: 0, fail: 0, skip: 0 };

  add({ name, outcome, seconds, reason = '' }: Result): void {
    this.#counts.total += 1;
    this.#counts[outcome] += 1;
    const skip = outcome === 'skip' ? ` # SKIP ${reason.split('\n')[0]}` : '';
    print(
      `${outcome === 'fail' ? 'not ok' : 'ok'} ${this.#counts.total} - ${name}${skip || ` # ${seconds} s`}`,
    );
    if (outcome === 'fail') print(reason.replace(/^/gm, '    '));
  }

  /** The last line, which .ci/run reads as it reads tap's. */
  end(): number {
    const { total, pass, fail, skip } = this.#counts;
    print(`1..${total}\n# { total: ${total}, pass: ${pass}, fail: ${fail}, skip: ${skip} }`);
    return fail === 0 ? 0 : 1;
  }
}

async function runGroup(
  group: string,
  test: string,
  files: GuestFiles,
  folder: string,
  url: string,
  report: Report,
): Promise<void> {
  const share = join(folder, group);
  const disk = join(folder, `${group}.disk`);
  const results = join(share, 'results');
  mkdirSync(share);
  writeFileSync(join(share, 'url'), url);
  writeFileSync(results, '');
  writeFileSync(disk, '');
  truncateSync(disk, DISK_SIZE);
  const booted = await bootGuest({
    files,
    program: join(folder, 'program.squashfs'),
    share,
    disk,
    script: `exec node /opt/sluice/test/inside.mjs ${group} '${test.replaceAll("'", '')}'\n`,
    memoryMiB: 512,
    processors: 1,
    limit: LIMIT,
  });
  writeFileSync(join(folder, `${group}.console`), booted.console);
  const lines = readFileSync(results, 'utf8').split('\n').filter(Boolean);
  print(`# ${group}: ${booted.seconds.toFixed(0)} s`);
  for (const line of lines) report.add(JSON.parse(line) as Result);
  addSentences(join(share, 'tap'), report);
  if (booted.exit === 0 || (booted.exit === 1 && lines.some((line) => line.includes('"fail"')))) return;
  const how = booted.exit === null ? 'did not come to its end' : `ended with ${booted.exit}`;
  const reason = `the guest ${how} after ${booted.seconds.toFixed(0)} s; its console:\n${booted.console.slice(-2000)}`;
  report.add({
    name: `${group}: the guest runs to its end`,
    outcome: 'fail',
    seconds: booted.seconds,
    reason,
  });
}

/** The conformance suite's sentences, each as a test; those of devices that were not meant are left out. */
function addSentences(folder: string, report: Report): void {
  if (!existsSync(folder)) return;
  for (const device of readdirSync(folder)) {
    const text = readFileSync(join(folder, device), 'utf8');
    for (const { ok, name, skip } of readTap(text).flatMap(({ points }) => points)) {
      const outcome = ok ? (skip === null ? 'pass' : 'skip') : 'fail';
      const reason = outcome === 'fail' ? text : (skip ?? '');
      report.add({ name: `conformance: ${device}: ${name}`, outcome, seconds: 0, reason });
    }
  }
  rmSync(folder, { recursive: true });
}

/** Built by hand, as a machine without a C compiler has to do without. */
const ADDON = 'dist/native/linux-x64/node-mtd.node';

/** What the guest has at /opt/sluice: the built program as it is installed, and the tests. */
async function packProgram(files: GuestFiles, folder: string): Promise<void> {
  if (!existsSync(ADDON)) throw new Missing('node-mtd has no addon (npm run build:native)');
  const root = join(folder, 'program');
  cpSync('dist', root, { recursive: true });
  mkdirSync(join(root, 'test'));
  cpSync(join(import.meta.dirname, 'inside.mjs'), join(root, 'test/inside.mjs'));
  await bundleTest(REAL_DEVICES, join(root, 'test/conformance.mjs'));
  const fixtures = join(root, 'fixtures');
  makeFixtures(fixtures, join(folder, 'work'), 'dist/bin/sluice.js');
  makeSquashfs(files, join(folder, 'small'), join(fixtures, 'small.squashfs'));
  files.squash(root, join(folder, 'program.squashfs'));
}

/** A file system to be mounted by the tests. */
function makeSquashfs(files: GuestFiles, root: string, image: string): void {
  mkdirSync(root);
  writeFileSync(join(root, 'file'), 'something\n');
  files.squash(root, image);
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      only: { type: 'string' },
      test: { type: 'string', default: '' },
      keep: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h' },
    },
  });
  if (values.help === true) {
    process.stdout.write(USAGE);
    return 0;
  }
  const groups = values.only?.split(',') ?? GROUPS;
  const report = new Report();
  const folder = mkdtempSync(join(tmpdir(), 'sluice-guest-'));
  const tidy = (): void => rmSync(folder, { recursive: true, force: true });
  if (!values.keep) process.once('exit', tidy);
  try {
    const files = guestFiles(cacheFolder());
    print(`# Linux ${files.release} under emulation, node ${process.version}`);
    await packProgram(files, folder);
    const site = await Site.open(join(folder, 'program/fixtures'));
    try {
      const left: string[] = [...groups];
      const guests = Array.from({ length: GUESTS }, async () => {
        for (let group = left.shift(); group !== undefined; group = left.shift()) {
          await runGroup(group, values.test, files, folder, site.guestUrl, report);
        }
      });
      await Promise.all(guests);
    } finally {
      site.close();
    }
  } catch (error) {
    if (!(error instanceof Missing)) throw error;
    report.add({ name: 'updates on real MTD', outcome: 'skip', seconds: 0, reason: error.message });
  } finally {
    if (values.keep) print(`# kept: ${folder}`);
    else tidy();
  }
  return report.end();
}

process.exitCode = await main();
