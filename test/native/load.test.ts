import { execFileSync } from 'node:child_process';
import { mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import t, { type Test } from 'tap';
import { loadBinding } from 'node-mtd';
import { targets } from '../../native-shims/node-mtd/src/target.js';
import { addon, compiler } from './addon.js';

const SOURCE = fileURLToPath(new URL('../../native-shims/node-mtd/src/load.ts', import.meta.url));
const BUILD = fileURLToPath(new URL('../../native-shims/node-mtd/build.mjs', import.meta.url));
const [TARGET = ''] = targets(process.arch, '7');

/** The loader as it is in a program: bundled, with its addons beside it. */
async function program(t: Test): Promise<{ folder: string; load: () => unknown }> {
  const folder = realpathSync(t.testdir({}));
  const outfile = join(folder, 'bin/program.mjs');
  await build({
    entryPoints: [SOURCE],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    logLevel: 'error',
  });
  const { loadBinding: load } = (await import(outfile)) as { loadBinding: () => unknown };
  return { folder, load };
}

function put(folder: string, below: string): string {
  const path = join(folder, below, TARGET, 'node-mtd.node');
  mkdirSync(dirname(path), { recursive: true });
  return path;
}

t.test('the build is chosen by the processor, and on ARM by the one that Node was built for', (t) => {
  t.same(targets('x64', undefined), ['linux-x64']);
  t.same(targets('arm64', 'default'), ['linux-arm64']);
  t.same(targets('arm', '7'), ['linux-armv7', 'linux-armv6']);
  t.same(targets('arm', 7), ['linux-armv7', 'linux-armv6']);
  t.same(targets('arm', '6'), ['linux-armv6']);
  for (const unknown of [undefined, 'default', null, {}]) t.same(targets('arm', unknown), ['linux-armv6']);
  t.end();
});

t.test('without an addon the error says where it was looked for, and how to build it', async (t) => {
  const { folder, load } = await program(t);
  t.throws(load, {
    name: 'NodeMtdError',
    code: 'ERR_NO_ADDON',
    message: /npm run build:native/,
  });
  for (const below of ['native', 'build']) {
    const path = join(folder, below, TARGET, 'node-mtd.node');
    t.throws(load, { message: new RegExp(`${path}: does not exist`) });
  }
});

t.test('an addon that cannot be loaded is named, with the reason', async (t) => {
  const { folder, load } = await program(t);
  writeFileSync(put(folder, 'native'), 'no ELF file');
  t.throws(load, {
    code: 'ERR_NO_ADDON',
    message: /native\/.*node-mtd\.node: .*(ELF|short)/,
    cause: { code: 'ERR_DLOPEN_FAILED' },
  });
});

t.test(
  'an addon of older sources is told by the functions that it lacks',
  {
    skip: compiler() === null && 'there is no C compiler',
  },
  async (t) => {
    const { folder, load } = await program(t);
    const source = join(folder, 'old.c');
    writeFileSync(
      source,
      'void *napi_register_module_v1(void *env, void *exports) { return (void)env, exports; }\n',
    );
    execFileSync('sh', [
      '-c',
      `${compiler()} -shared -fPIC -o "$1" "$2"`,
      'sh',
      put(folder, 'build'),
      source,
    ]);
    t.throws(load, {
      code: 'ERR_NO_ADDON',
      message: /built from older sources, without open, close, .*blockZero/,
    });
  },
);

const { binding, skip } = addon();

t.test('the real one is loaded once', { skip }, (t) => {
  t.equal(loadBinding(), binding);
  t.end();
});

t.test(
  'the build makes what it says, and says what it lacks',
  { skip: compiler() === null && 'there is no C compiler' },
  (t) => {
    const run = (args: string[], env: NodeJS.ProcessEnv = {}): string => {
      try {
        execFileSync(process.execPath, [BUILD, ...args], { env: { ...process.env, ...env }, stdio: 'pipe' });
        return '';
      } catch (error) {
        return String((error as { stderr: Buffer }).stderr);
      }
    };
    t.match(run(['--target', 'z80']), /unknown target z80: use x64, arm64, armv7, armv6/);
    t.match(run(['--target', 'toString']), /unknown target toString/);
    t.match(run(['--tarmac']), /--tarmac/);
    t.match(run(['--target', 'armv6'], { CC: 'no-such-compiler' }), /C compiler no-such-compiler not found/);
    t.match(
      run(['--target', process.arch === 'arm64' ? 'x64' : 'arm64'], { CC: compiler() ?? 'cc' }),
      /built for ELF machine/,
    );
    t.end();
  },
);
