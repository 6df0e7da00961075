import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { addon, built, compiler } from './addon.js';

const { skip: missing } = addon();
const skip = missing || (compiler() === null && 'there is no C compiler');

const SIZE = 100_003;

/** Runs `script` with a handle of a file under a kernel that stutters; gives what it printed, and the file. */
function stutter(t: Test, mode: 'short' | 'stuck', script: string): { said: string[]; file: Buffer } {
  const folder = realpathSync(t.testdir({}));
  const file = join(folder, 'image');
  const shim = join(folder, 'stutter.so');
  writeFileSync(file, Buffer.alloc(SIZE, 7));
  const source = fileURLToPath(new URL('stutter.c', import.meta.url));
  execFileSync('sh', ['-c', `${compiler()} -shared -fPIC -o "$1" "$2" -ldl`, 'sh', shim, source]);
  const whole = `
    const binding = require(process.argv[1]);
    const fails = (running) => running.then(() => console.log('done'), (e) => console.log(e.code, e.syscall));
    (async () => {
      const handle = await binding.open(process.argv[2], { write: true, exclusive: false });
      const bytes = new Uint8Array(${SIZE});
      ${script}
    })();`;
  const { stdout, status, stderr } = spawnSync(process.execPath, ['-e', whole, built(), file], {
    env: { ...process.env, LD_PRELOAD: shim, STUTTER: mode, STUTTER_FILE: file },
    encoding: 'utf8',
    timeout: 20_000,
  });
  t.equal(status, 0, stderr);
  return { said: stdout.trim().split('\n'), file: readFileSync(file) };
}

t.test('what a signal interrupted is asked again, and what a call left over goes on', { skip }, (t) => {
  const { said, file } = stutter(
    t,
    'short',
    `await binding.read(handle, 0, bytes);
     console.log(bytes.every((byte) => byte === 7));
     console.log(await binding.compare(handle, 0, bytes));
     bytes[${SIZE - 1}] = 6;
     console.log(await binding.compare(handle, 0, bytes));
     await binding.write(handle, 0, bytes.map((_, i) => i % 251));
     await binding.ubiAppend(handle, new Uint8Array(5000).fill(0xee));
     await binding.sync(handle);
     console.log(await binding.lock(handle, false));
     await binding.mtdErase(handle, 0, 65536);
     await binding.ubiChangeLeb(handle, 0, new Uint8Array(0));
     console.log('done');`,
  );
  t.same(said, ['true', '0', '1', 'true', 'done']);
  const wanted = Buffer.from(Uint8Array.from({ length: SIZE }, (_, i) => i % 251));
  wanted.fill(0xee, 0, 5000);
  t.ok(file.equals(wanted), 'each byte in its place');
  t.end();
});

t.test('a kernel that takes nothing and gives nothing is an error, and not waited for', { skip }, (t) => {
  const { said } = stutter(
    t,
    'stuck',
    `await fails(binding.write(handle, 0, bytes));
     await fails(binding.ubiAppend(handle, bytes));
     await fails(binding.read(handle, 0, bytes));
     await fails(binding.compare(handle, 0, bytes));`,
  );
  t.same(said, ['EIO pwrite', 'EIO write', 'ENODATA pread', 'ENODATA pread']);
  t.end();
});
