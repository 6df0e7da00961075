/** What V8 has compiled before (dist/bin/cache): used where it can be trusted, and never needed. */
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { LAUNCHER } from '../kit/serve-kit.js';
import { scratch } from './stock-bundle.js';

/** Loaded ahead of the program: tells at its end how many of its files came out of the cache, were refused, and had none. */
const COUNT = `
const { writeSync } = require('node:fs');
const scripts = (globalThis[Symbol.for('sluice.loaded')] = new Map());
process.on('exit', () => {
  const count = { used: 0, refused: 0, without: 0 };
  for (const { cachedDataRejected: rejected } of scripts.values())
    count[rejected === undefined ? 'without' : rejected ? 'refused' : 'used']++;
  writeSync(2, JSON.stringify(count));
});
`;

interface Started {
  readonly help: string;
  readonly used: number;
  readonly refused: number;
  readonly without: number;
}

interface Copy {
  readonly bin: string;
  /** What is kept for `serve`. */
  readonly cache: string;
  /** Starts it for its help. */
  readonly start: (command?: string) => Started;
}

/** A copy of the program, its cache with it. */
function copy(t: Test): Copy {
  const dir = scratch(t);
  const bin = join(dir, 'bin');
  cpSync(dirname(LAUNCHER), bin, { recursive: true });
  writeFileSync(join(dir, 'count.cjs'), COUNT);
  const start = (command = 'serve'): Started => {
    const script = `"$@" 2>"${dir}/count"`;
    const env = { ...process.env, NODE_OPTIONS: `--require ${join(dir, 'count.cjs')}` };
    const help = execFileSync('sh', ['-c', script, 'sh', join(bin, 'sluice'), command, '--help'], {
      env,
    }).toString();
    return { help, ...(JSON.parse(readFileSync(join(dir, 'count'), 'utf8')) as Omit<Started, 'help'>) };
  };
  return { bin, cache: join(bin, 'cache', `${process.version}-${process.arch}`, 'serve'), start };
}

for (const command of ['serve', 'write', 'verify']) {
  t.test(`the launcher takes every file that \`${command}\` starts with out of the cache`, async (t) => {
    const { start } = copy(t);
    const { used, refused, without, help } = start(command);
    t.match(help, new RegExp(`^Usage: sluice ${command}`));
    t.ok(used > 10, `${used} used`);
    t.equal(refused, 0);
    // A command has at least a file of its own, of which only these two are kept.
    t.equal(without, command === 'verify' ? 1 : 0);
  });
}

t.test('a write has all of itself in the cache, and a service only its start', async (t) => {
  const { cache } = copy(t);
  const size = (folder: string, name: string): number => statSync(join(folder, name)).size;
  const forWrite = join(cache, '../write');
  const both = readdirSync(forWrite).filter((name) => readdirSync(cache).includes(name));
  const sum = (folder: string): number => both.reduce((sum, name) => sum + size(folder, name), 0);
  t.ok(sum(forWrite) > 1.3 * sum(cache), `${sum(forWrite)} and ${sum(cache)} bytes of the same files`);
});

t.test('a cache of which somebody else may have written a part is not used for it', async (t) => {
  const { cache, start } = copy(t);
  const all = readdirSync(cache);
  const before = start();
  for (const name of all) chmodSync(join(cache, name), 0o664);
  t.match(start(), { used: 0, refused: 0, without: before.used, help: before.help });
  for (const name of all) chmodSync(join(cache, name), 0o644);
  chmodSync(join(cache, all.find((name) => name.startsWith('main-')) as string), 0o646);
  t.match(start(), { used: before.used - 1, without: 1 });
});

t.test('a cache of another version, or one that is damaged, is passed over without a word', async (t) => {
  const { cache, start } = copy(t);
  const { help, used } = start();
  for (const name of readdirSync(cache)) {
    const bytes = readFileSync(join(cache, name));
    // Where V8 has its version.
    bytes.writeUInt8(bytes.readUInt8(4) ^ 1, 4);
    writeFileSync(join(cache, name), bytes);
  }
  t.match(start(), { used: 0, refused: 1, without: used - 1, help }, 'the first one tells of all');
  for (const name of readdirSync(cache)) writeFileSync(join(cache, name), '');
  t.match(start(), { used: 0, help }, 'empty');
  rmSync(cache, { recursive: true });
  t.match(start(), { used: 0, refused: 0, without: used, help }, 'none');
});

t.test(
  'a cache that was made under the flags of the launcher does not disturb who starts without',
  async (t) => {
    const { bin, cache } = copy(t);
    const [name] = readdirSync(cache);
    t.ok(name);
    const run = execFileSync('env', [
      '-u',
      'NODE_OPTIONS',
      process.execPath,
      join(bin, 'sluice.js'),
      '--version',
    ]);
    t.match(run.toString(), /^sluice \d/);
  },
);

t.test('make-cache.js makes it anew, for the node that the launcher starts', async (t) => {
  const { bin, cache, start } = copy(t);
  const { used } = start();
  rmSync(join(bin, 'cache'), { recursive: true });
  t.equal(start().used, 0);
  const before = process.umask(0o002);
  try {
    execFileSync('env', ['-u', 'NODE_OPTIONS', process.execPath, join(bin, 'make-cache.js')]);
  } finally {
    process.umask(before);
  }
  t.ok(existsSync(cache));
  t.match(start(), { used, refused: 0, without: 0 });
});

t.test('the launcher is found by every name that it can be called by', async (t) => {
  const { bin } = copy(t);
  const version = (cwd: string, program: string, ...args: string[]): string =>
    execFileSync('env', ['-u', 'NODE_OPTIONS', program, ...args], { cwd }).toString();
  const links = join(bin, 'links');
  execFileSync('sh', [
    '-c',
    `mkdir "${links}" && ln -s ../sluice "${links}/a" && ln -s a "${links}/b" && ln -s "${links}/b" "${bin}/c"`,
  ]);
  for (const [cwd, ...words] of [
    [bin, 'sh', 'sluice'],
    [bin, './sluice'],
    [links, '../sluice'],
    [links, './a'],
    [links, 'sh', 'b'],
    ['/', join(bin, 'c')],
  ] as const) {
    t.match(version(cwd, words[0], ...words.slice(1), '--version'), /^sluice \d/, words.join(' '));
  }
});
