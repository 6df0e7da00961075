/**
 * `npm run bench:peers`: the same image by everybody's tools, in one guest with simulated flash. What the figures mean
 * is in bench/README.md.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Site } from '../../test/proof/guest/site.js';
import { bootGuest } from '../../test/proof/guest/vm/boot.js';
import { cacheFolder } from '../../test/proof/guest/vm/cache.js';
import { guestFiles, type GuestFiles } from '../../test/proof/guest/vm/guest-files.js';
import { hostRun } from '../../test/proof/guest/vm/run-host.js';
import { Neighbours } from '../machine.js';
import { drawChart } from './chart.js';
import { makePayloads } from './payloads.js';
import { peerRoot, versionOf } from './peer-root.js';
import { ratios, report, type Results } from './report.js';
import type { Answer, Order } from './shape.js';

const USAGE = `npm run bench:peers -- [--only peers,marks] [--media nor,nand] [--repeats N] [--name NAME]

Boots a QEMU guest with simulated flash, writes the same 32 MiB with flashcp, dd, nandwrite, swupdate, OpenBMC's stock
way and sluice, prints what each took and writes bench/results/NAME.{json,md,svg} (default: peers).
`;

const SECTIONS = ['peers', 'marks'] as const;
const MEDIA = ['nor', 'nand'] as const;
const MEMORY_MIB = 512;
const PROCESSORS = 2;
/** Seconds; the guest of a busy machine is slow. */
const LIMIT = 3 * 3600;

const say = (text: string): void => void process.stdout.write(`${text}\n`);

async function main(order: Omit<Order, 'url'>, name: string): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-peers-'));
  const tidy = (): void => rmSync(folder, { recursive: true, force: true });
  process.once('exit', tidy);
  const neighbours = new Neighbours();
  try {
    const files = guestFiles(cacheFolder(), peerRoot());
    packProgram(files, folder);
    const share = join(folder, 'share');
    makePayloads(join(share, 'payloads'), join(folder, 'work'), 'dist/bin/sluice.js');
    const site = await Site.open(join(share, 'payloads'));
    const answer = await ask(files, folder, { ...order, url: site.guestUrl }).finally(() => site.close());
    const results: Results = {
      format: 1,
      ...neighbours.conditions(),
      guest: {
        emulator: hostRun(files.qemu, ['--version']).toString().split('\n')[0] ?? '',
        acceleration: 'none (TCG emulation)',
        machine: 'q35',
        processors: PROCESSORS,
        memoryMiB: MEMORY_MIB,
        kernel: files.release,
      },
      versions: { ...answer.versions, 'mtd-utils': versionOf('mtd-utils'), swupdate: versionOf('swupdate') },
      rows: answer.rows,
      marks: answer.marks,
    };
    const text = report(results);
    say(text);
    mkdirSync('bench/results', { recursive: true });
    writeFileSync(`bench/results/${name}.json`, `${JSON.stringify(results, null, 1)}\n`);
    writeFileSync(`bench/results/${name}.md`, text);
    if (results.rows.length > 0) writeFileSync(`bench/results/${name}.svg`, drawChart(results));
    say(`Written to bench/results/${name}.{json,md,svg}.`);
    const missed = ratios(results).filter(({ met }) => !met);
    for (const { what, ratio, goal } of missed)
      say(`MISSED: ${what}: ${ratio.toFixed(2)}, the goal is ${goal}`);
    if (missed.length > 0) process.exitCode = 1;
  } finally {
    tidy();
  }
}

/** What the guest has at /opt/sluice: the program as it is installed, and this harness. */
function packProgram(files: GuestFiles, folder: string): void {
  const root = join(folder, 'program');
  cpSync('dist', root, { recursive: true });
  mkdirSync(join(root, 'test'));
  for (const file of ['inside.mjs', 'measure'])
    cpSync(join(import.meta.dirname, file), join(root, 'test', file));
  files.squash(root, join(folder, 'program.squashfs'));
}

async function ask(files: GuestFiles, folder: string, order: Order): Promise<Answer> {
  const share = join(folder, 'share');
  writeFileSync(join(share, 'order'), JSON.stringify(order));
  const booted = await bootGuest({
    files,
    program: join(folder, 'program.squashfs'),
    share,
    script: 'exec node /opt/sluice/test/inside.mjs\n',
    memoryMiB: MEMORY_MIB,
    processors: PROCESSORS,
    limit: LIMIT,
    onConsole: (text) => process.stderr.write(text),
  });
  const answer = join(share, 'answer');
  if (booted.exit !== 0 || !existsSync(answer)) {
    throw new Error(`the guest ended with ${booted.exit ?? 'nothing'} after ${booted.seconds.toFixed(0)} s`);
  }
  return JSON.parse(readFileSync(answer, 'utf8')) as Answer;
}

const { values } = parseArgs({
  options: {
    only: { type: 'string' },
    media: { type: 'string' },
    repeats: { type: 'string', default: '3' },
    name: { type: 'string', default: 'peers' },
    help: { type: 'boolean', short: 'h' },
  },
});
const sections = SECTIONS.filter((section) => values.only?.split(',').includes(section) ?? true);
const media = MEDIA.filter((medium) => values.media?.split(',').includes(medium) ?? true);
const repeats = Number(values.repeats);
if (values.help === true) process.stdout.write(USAGE);
else if (sections.length === 0) throw new Error(`--only takes ${SECTIONS.join(', ')}`);
else if (media.length === 0) throw new Error(`--media takes ${MEDIA.join(', ')}`);
else if (sections.includes('marks') && media.length < MEDIA.length)
  throw new Error('the marks are of both: --only peers with --media');
else if (!Number.isInteger(repeats) || repeats < 1) throw new Error('--repeats takes a number from 1 on');
else if (!/^[\w.-]+$/.test(values.name)) throw new Error('--name takes a file name');
else await main({ sections, media, repeats }, values.name);
