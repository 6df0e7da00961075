import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createWriteStream, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { setTimeout } from 'node:timers/promises';
import { join } from 'node:path';
import t from 'tap';
import { scratch } from './stock-bundle.js';
import { PROGRAM, sluice } from './run.js';
import { noise } from '../kit/noise.js';
import { makeKey } from '../kit/keys.js';

const MIB = 1024 * 1024;
const dir = scratch(t);
const key = makeKey(dir, 'key');

/** A folder with one image of so many MiB. */
async function imageFolder(size: number): Promise<string> {
  const folder = join(dir, `images-${size}`);
  mkdirSync(folder);
  const file = createWriteStream(join(folder, 'image-rofs'));
  const piece = noise(MIB, size);
  for (let at = 0; at < size; at++) if (!file.write(piece)) await once(file, 'drain');
  file.end();
  await once(file, 'close');
  return folder;
}

/** Makes the program tell its peak memory, as Linux has counted it, when it ends. */
const meter = join(dir, 'meter.mjs');
writeFileSync(
  meter,
  `import { readFileSync } from 'node:fs';
process.on('exit', () => {
  const [, peak] = /VmHWM:\\s+(\\d+) kB/.exec(readFileSync('/proc/self/status', 'latin1'));
  process.stderr.write('peak ' + peak + '\\n');
});`,
);
const peakOf = (stderr: string): number => Number(/peak (\d+)/.exec(stderr)?.[1]) * 1024;
const noProc = process.platform === 'linux' ? false : 'no /proc here';

t.test('packing and inspecting take no more memory for a large image', { skip: noProc }, async (t) => {
  const peaks = new Map<string, number[]>();
  for (const size of [4, 96]) {
    const out = join(dir, `update-${size}.tar`);
    const pack = ['pack', '--images', await imageFolder(size), '--machine', 'm', '--version', '1.0'];
    pack.push('--key', key.path, '--out', out);
    for (const args of [pack, ['pack', out, '--key', key.path, '--out', `${out}.2`], ['inspect', out]]) {
      const run = await sluice(args, { node: ['--import', meter] });
      t.equal(run.code, 0, run.stderr);
      const name = `${args[0]} ${args[1] === out ? 'tarball' : 'images'}`;
      peaks.set(name, [...(peaks.get(name) ?? []), peakOf(run.stderr)]);
    }
  }
  // 96 MiB more of image: what grows is 32 bytes a block, and their text.
  for (const [name, [small = 0, large = 0]] of peaks) {
    t.ok(small > 0 && large - small < 10 * MIB, `${name}: ${small / MIB} and ${large / MIB} MiB`);
  }
});

t.test('a packer that is stopped leaves nothing behind', async (t) => {
  const out = join(dir, 'stopped');
  mkdirSync(out);
  const images = join(dir, 'images-96');
  const args = ['pack', '--images', images, '--machine', 'm', '--version', '1.0', '--key', key.path];
  const child = spawn(process.execPath, [PROGRAM, ...args, '--out', join(out, 'update.tar'), '--json']);
  const exit = once(child, 'exit');
  while (readdirSync(out).length === 0 && child.exitCode === null) await setTimeout(2);
  t.match(readdirSync(out)[0], /^\.update\.tar\.\d+\.tmp$/, 'it writes under another name');
  child.kill('SIGINT');
  t.same(await exit, [7, null]);
  t.same(readdirSync(out), []);
});

t.test('a source that changes between the two readings is found out', async (t) => {
  const folder = join(dir, 'images-96');
  const out = join(dir, 'changed');
  mkdirSync(out);
  const args = [
    'pack',
    '--images',
    folder,
    '--machine',
    'm',
    '--version',
    '1.0',
    '--key',
    key.path,
    '--json',
  ];
  const child = spawn(process.execPath, [PROGRAM, ...args, '--out', join(out, 'update.tar')]);
  const parts: Buffer[] = [];
  child.stdout.on('data', (bytes: Buffer) => parts.push(bytes));
  const exit = once(child, 'close');
  while (readdirSync(out).length === 0 && child.exitCode === null) await setTimeout(2);
  // The second reading has just begun, so the last block has not been read again yet.
  const file = createWriteStream(join(folder, 'image-rofs'), { flags: 'r+', start: 96 * MIB - 10 });
  file.end('something');
  t.same(await exit, [4, null]);
  t.match(JSON.parse(Buffer.concat(parts).toString()), { code: 'ERR_SOURCE_CHANGED', member: 'image-rofs' });
  t.same(readdirSync(out), []);
});
