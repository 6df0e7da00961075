/** The command line itself: how strict it is, what it suggests, help that tells the truth, the configuration file. */
import { execFileSync, spawnSync } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import t from 'tap';
import { makeBoard, OLD, sha256, VECTORS } from './board.js';
import { PROGRAM, sluice } from './run.js';
import { makeKeyStore, scratch } from './stock-bundle.js';
import { noise } from '../kit/noise.js';
import { makeKey, openssl } from '../kit/keys.js';

const STOCK = join(VECTORS, 'good-stock.tar');
const COMMANDS = ['write', 'verify', 'inspect', 'pack', 'sim', 'demo'];

t.test('without a command the program says what there is', async (t) => {
  const bare = await sluice([]);
  t.equal(bare.code, 2);
  for (const words of [['--help'], ['-h'], ['help']]) {
    const help = await sluice(words);
    t.equal(help.code, 0);
    t.equal(help.stdout, bare.stdout);
  }
  for (const name of COMMANDS) t.match(bare.stdout, new RegExp(`\\n  ${name} +[a-z]`), name);
  t.match((await sluice(['--version'])).stdout, /^sluice \d+\.\d+\.\d+\n$/);
});

t.test('a wrong word on the command line is named, with a suggestion', async (t) => {
  const cases: [string[], string, RegExp][] = [
    [['wirte'], 'ERR_USAGE_ARGUMENT', /unknown command wirte; did you mean write\?/],
    [['xyzzy'], 'ERR_USAGE_ARGUMENT', /unknown command xyzzy /],
    [['constructor'], 'ERR_USAGE_ARGUMENT', /unknown command constructor /],
    [['write'], 'ERR_USAGE_ARGUMENT', /lacks an argument; usage: sluice write SOURCE/],
    [['write', 'a', 'b'], 'ERR_USAGE_ARGUMENT', /too many arguments/],
    [
      ['write', 'a', '--flahs', 'sim:x'],
      'ERR_USAGE_OPTION',
      /unknown option --flahs; did you mean --flash\?/,
    ],
    [['write', 'a', '--only=kernel', '--only', 'rofs'], 'ERR_USAGE_OPTION', /--only is given twice/],
    [['write', 'a', '--flash'], 'ERR_USAGE_OPTION', /--flash needs a value \(ADDRESS\)/],
    [
      ['write', 'a', '--flash', '--quiet'],
      'ERR_USAGE_OPTION',
      /--flash needs a value .* but --quiet follows/,
    ],
    [['write', 'a', '--flash='], 'ERR_USAGE_OPTION', /--flash needs a value/],
    [['write', 'a', '--map=yes'], 'ERR_USAGE_OPTION', /--map takes no value/],
    [['write', 'a', '-x'], 'ERR_USAGE_OPTION', /unknown option -x/],
    // What every JavaScript object has is no option.
    [['write', 'a', '--constructor'], 'ERR_USAGE_OPTION', /unknown option --constructor/],
    [['write', 'a', '--__proto__', 'b'], 'ERR_USAGE_OPTION', /unknown option --__proto__/],
    [['write', 'a', '--only', ''], 'ERR_USAGE_OPTION', /--only needs a value \(NAMES\)/],
    [['write', 'a', '--only', 'kernel,'], 'ERR_USAGE_OPTION', /names separated by commas/],
    [
      ['write', 'a', '--trust', 'nonsense'],
      'ERR_USAGE_OPTION',
      /nonsense for --trust; the policies are before-erase, before-commit, unsigned/,
    ],
    [['write', 'a', '--sig', 'b'], 'ERR_USAGE_OPTION', /--sig and --blocks need --partition/],
    [['write', 'a', '--partition', 'kernel', '--blocks', 'b'], 'ERR_USAGE_OPTION', /need each other/],
    [['sim', 'destroy', 'chip'], 'ERR_USAGE_ARGUMENT', /unknown verb sim destroy; the verbs are create, /],
  ];
  for (const [words, code, message] of cases) {
    const run = await sluice(words);
    t.equal(run.code, 2, words.join(' '));
    t.match(run.stderr, `(${code})`);
    t.match(run.stderr, message);
    t.match(run.stderr, /\n {2}next: {2}\S/);
    t.notMatch(run.stderr, /\n +at /, 'no stack trace');
    t.equal(run.stdout, '');
  }
});

t.test('an error is one JSON document with --json, wherever it comes from', async (t) => {
  for (const words of [
    ['write', 'none.tar', '--flash', 'sim:none', '--keys', VECTORS],
    ['verify', 'none.tar', '--json=1'],
    ['sim', 'show', 'none'],
    ['bogus'],
  ]) {
    const { json, stderr } = await sluice([...words, '--json']);
    t.same(Object.keys(json), [
      'outcome',
      'code',
      'message',
      'flash',
      'partition',
      'block',
      'member',
      'errno',
      'next',
    ]);
    t.match(json, {
      outcome: /^(failed|refused)$/,
      code: /^ERR_[A-Z_]+$/,
      message: /\S/,
      flash: null,
      next: /\S/,
    });
    t.equal(stderr, '');
  }
});

t.test(
  'every command has help, by --help and by help COMMAND, and every option in it is known',
  async (t) => {
    for (const name of COMMANDS) {
      const help = await sluice([name, '--help']);
      t.equal(help.code, 0);
      t.equal((await sluice(['help', name])).stdout, help.stdout);
      t.match(help.stdout, new RegExp(`^Usage: sluice ${name}`));
      const known = optionsIn(help.stdout);
      t.ok(known.has('json') && known.has('help'), 'the common ones are listed');
      for (const [
        ,
        option = '',
      ] of `${help.stdout.split('\nOptions:')[0]}${examplesIn(help.stdout).join('\n')}`.matchAll(
        /(?<= |\[)--([a-z][a-z-]*)/g,
      )) {
        t.ok(known.has(option), `${name}: --${option}`);
      }
    }
  },
);

t.test('the examples of write, verify and sim work as they stand', async (t) => {
  const dir = scratch(t);
  const bin = join(dir, 'bin');
  mkdirSync(bin);
  const script = (name: string, text: string): void => {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`);
    chmodSync(join(bin, name), 0o755);
  };
  script('curl', 'cat update.tar');
  // What an example leaves out is what this board would have in /etc.
  script(
    'sluice',
    `case "$1" in write | verify) case "$*" in *--keys*) ;; *) set -- "$@" --keys keys ;; esac
case "$*" in *--machine*) ;; *) set -- "$@" --machine quanta-q71l ;; esac ;; esac
unset NODE_OPTIONS
exec ${process.execPath} ${PROGRAM} "$@"`,
  );
  const key = makeKey(dir, 'vendor');
  makeKeyStore(dir, key, 'RSA-SHA256', 'Vendor');
  mkdirSync(join(dir, 'keys', 'OpenBMC'), { recursive: true });
  mkdirSync(join(dir, 'keys', 'Vendor'));
  copyFileSync(join(VECTORS, 'system-publickey.pem'), join(dir, 'keys', 'OpenBMC', 'publickey'));
  for (const file of ['publickey', 'hashfunc']) {
    copyFileSync(join(dir, 'activationdata', 'Vendor', file), join(dir, 'keys', 'Vendor', file));
  }
  copyFileSync(join(VECTORS, 'hashfunc'), join(dir, 'keys', 'OpenBMC', 'hashfunc'));
  copyFileSync(STOCK, join(dir, 'update.tar'));
  writeFileSync(join(dir, 'kernel.bin'), noise(70_000, 3));
  writeFileSync(
    join(dir, 'kernel.bin.sig'),
    openssl('dgst', '-sha256', '-sign', key.path, join(dir, 'kernel.bin')),
  );
  const partitions = [{ name: 'bmc', offset: 0, size: 1 << 20 }];
  writeFileSync(join(dir, 'my-layout.json'), JSON.stringify({ name: 'mine', size: 1 << 20, partitions }));

  const env = { ...process.env, PATH: `${bin}${delimiter}${process.env['PATH']}` };
  for (const name of ['sim', 'write', 'verify']) {
    const examples = examplesIn((await sluice([name, '--help'])).stdout);
    t.ok(examples.length >= 3);
    for (const example of examples) {
      // The examples of sim make chip.bin anew; these here need the one of the first.
      const again = example
        .replace('my-layout.json --fault', 'my-layout.json --json --fault')
        .replace(/create chip\.bin (.*my-layout)/, 'create other.bin $1');
      const out = execFileSync('sh', ['-c', `${again} 2>&1 || echo "exit $?"`], { cwd: dir, env }).toString();
      t.notMatch(out, /exit \d+\n$/, `${example}\n${out}`);
    }
  }
});

t.test('a configuration file gives defaults, which the command line overrides', async (t) => {
  const board = await makeBoard(scratch(t));
  const config = join(board.dir, 'sluice.json');
  const say = (value: unknown): void => writeFileSync(config, JSON.stringify(value));
  const base = { flash: `sim:${board.chip}`, keys: board.keys, machine: 'quanta-q71l' };
  const write = (...more: string[]) => sluice(['write', STOCK, '--config', config, '--json', ...more]);

  say({ ...base, only: ['kernel'] });
  const run = await write();
  t.equal(run.code, 0, run.stderr);
  t.same(Object.keys(run.json.partitions), ['kernel'], 'flash, keys, machine and only are heeded');
  t.same(Object.keys((await write('--only', 'rofs')).json.partitions), ['rofs']);

  say({ ...base, machine: 'other' });
  t.equal((await write()).json.code, 'ERR_TRUST_MACHINE');
  t.equal((await write('--machine', 'any')).code, 0);

  say({ ...base, keys: board.dir });
  t.equal((await write()).json.code, 'ERR_TRUST_KEY');
  t.equal((await write('--keys', board.keys)).code, 0);

  say({ ...base, flash: 'sim:none' });
  t.equal((await write()).json.code, 'ERR_FLASH_NO_DEVICE');
  t.equal((await write('--flash', base.flash)).code, 0);

  say({ ...base, trust: 'before-commit' });
  t.equal((await write()).json.trust.policy, 'before-commit');
  t.equal((await write('--trust', 'before-erase')).json.trust.policy, 'before-erase');

  say({ ...base, minimumVersion: '3.0.0' });
  t.equal((await write()).json.code, 'ERR_TRUST_VERSION');
  t.equal((await write('--min-version', '2.0.0')).code, 0);

  say({ ...base, minimumSecurityVersion: 0 });
  t.equal((await write()).json.code, 'ERR_TRUST_SECURITY_VERSION', 'which a stock tarball has none of');
});

t.test('a configuration file with mistakes is not used at all, and all of them are named', async (t) => {
  const board = await makeBoard(scratch(t));
  const config = join(board.dir, 'sluice.json');
  const write = () => sluice(['write', STOCK, ...board.args, '--config', config, '--json']);
  writeFileSync(
    config,
    '{"flsh":"sim:x","keys":7,"only":"kernel","trust":"none","minimumSecurityVersion":-1,"machine":"","__proto__":{}}',
  );
  const run = await write();
  t.equal(run.code, 2);
  t.equal(run.json.code, 'ERR_USAGE_CONFIG');
  for (const words of [
    'there is no key "flsh", did you mean "flash"?',
    'keys must be a text',
    'only must be a list of names',
    'trust must be one of before-erase, before-commit, unsigned',
    'minimumSecurityVersion must be a whole number',
    'machine must be a text',
    'there is no key "__proto__"',
  ]) {
    t.ok(run.json.message.includes(words), words);
  }
  for (const [text, words] of [
    ['[]', /must be one object/],
    ['null', /must be one object/],
    ['{', /cannot read/],
  ] as const) {
    writeFileSync(config, text);
    t.match((await write()).json, { code: 'ERR_USAGE_CONFIG', message: words });
  }
  const none = await sluice(['write', STOCK, ...board.args, '--config', board.dir, '--json']);
  t.match(none.json, { code: 'ERR_USAGE_CONFIG', message: /illegal operation on a directory/ });
  t.equal(sha256(board.bytes()), sha256(OLD));
});

t.test('a double dash ends the options', async (t) => {
  const run = await sluice(['verify', '--json', '--keys', VECTORS, '--', '--help']);
  t.notMatch(run.stdout, /^Usage/);
  t.not(run.code, 0);
});

t.test(
  'a terminal as standard input is not waited for',
  { skip: !hasScript() && 'needs script(1)' },
  async (t) => {
    const board = await makeBoard(scratch(t));
    const words = ['env', '-u', 'NODE_OPTIONS', process.execPath, PROGRAM, 'write', '-', ...board.args];
    const { stdout, status } = spawnSync('script', ['-qec', words.join(' '), '/dev/null'], {
      timeout: 20_000,
      encoding: 'utf8',
    });
    t.equal(status, 4);
    t.match(stdout, /standard input is a terminal; pipe a bundle into sluice/);
  },
);

function hasScript(): boolean {
  try {
    return execFileSync('script', ['-qec', 'echo yes', '/dev/null'], {
      stdio: ['ignore', 'pipe', 'ignore'],
    }).includes('yes');
  } catch {
    return false;
  }
}

/** Names of the options that a help text lists. */
function optionsIn(help: string): Set<string> {
  const list = help.split('\nOptions:\n')[1]?.split('\nExamples:\n')[0] ?? '';
  return new Set([...list.matchAll(/^ {2}(?:-[a-z], | {4})--([a-z-]+)/gm)].map(([, name]) => name as string));
}

function examplesIn(help: string): string[] {
  const text = help.split('\nExamples:\n')[1]?.split('\n\n')[0] ?? '';
  return text.split('\n').map((line) => line.trim());
}
