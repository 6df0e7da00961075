import { createHash } from 'node:crypto';
import { execFileSync, spawnSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { gzipSync } from 'node:zlib';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { FULL_SIGNED, makeStockBundle, scratch, smallImages } from './stock-bundle.js';
import { sluice } from './run.js';
import { noise } from '../kit/noise.js';
import { makeKey, openssl } from '../kit/keys.js';

const PROVEN_ORDER = [
  'MANIFEST',
  'MANIFEST.sig',
  'publickey',
  'publickey.sig',
  'BLOCKS',
  'BLOCKS.sig',
  'image-kernel.sig',
  'image-rofs.sig',
  'image-rwfs.sig',
  'image-u-boot.sig',
  'image-full.sig',
  'image-kernel',
  'image-rofs',
  'image-rwfs',
  'image-u-boot',
];

/** Unpacks with a tar program; null where it is not installed. */
const TOOLS: Record<string, (path: string, into: string) => [string, string[]]> = {
  'GNU tar': (path, into) => ['tar', ['-xf', path, '-C', into, '--no-same-owner']],
  bsdtar: (path, into) => ['bsdtar', ['-xf', path, '-C', into]],
  'busybox tar': (path, into) => ['busybox', ['tar', '-xf', path, '-C', into]],
};

function unpack(path: string, into: string): void {
  mkdirSync(into, { recursive: true });
  execFileSync('tar', ['-xf', path, '-C', into]);
}

/** openssl's word on one signature over a file. */
function verifies(publicPem: string, file: string, signature: string, hash = 'sha256'): boolean {
  const args = ['dgst', `-${hash}`, '-verify', publicPem, '-signature', signature, file];
  return spawnSync('openssl', args).status === 0;
}

/**
 * The rules of a stock BMC (phosphor-bmc-code-mgmt, bmc/image_verify.cpp), by the openssl command line; the names
 * of the checks that fail.
 */
function stockFailures(folder: string, systemPem: string): string[] {
  const own = join(folder, 'publickey');
  const at = (name: string) => join(folder, name);
  const failures = ['MANIFEST', 'publickey'].filter(
    (name) => !verifies(systemPem, at(name), at(`${name}.sig`)),
  );
  const images = existsSync(at('image-bmc'))
    ? ['image-bmc']
    : ['image-kernel', 'image-rofs', 'image-rwfs', 'image-u-boot'];
  failures.push(...images.filter((name) => !verifies(own, at(name), at(`${name}.sig`))));
  const parts = FULL_SIGNED.map((name) => at(`${name}.sig`)).filter((path) => existsSync(path));
  writeFileSync(at('image-full'), Buffer.concat(parts.map((path) => readFileSync(path))));
  if (!verifies(own, at('image-full'), at('image-full.sig'))) failures.push('image-full');
  return failures;
}

t.test('a stock tarball becomes a proven one that a stock board still takes', async (t) => {
  const dir = scratch(t);
  const systemKey = makeKey(dir, 'system');
  const stock = makeStockBundle(dir, { systemKey });
  const out = join(dir, 'update.tar');
  const run = await sluice([
    'pack',
    stock.path,
    '--key',
    stock.key.path,
    '--keys',
    stock.keys,
    '--out',
    out,
    '--json',
  ]);
  t.equal(run.code, 0, run.stdout + run.stderr);

  t.test('in the order in which they are flashed', (t) => {
    const names = execFileSync('tar', ['-tf', out], { encoding: 'utf8' }).trim().split('\n');
    t.same(names, PROVEN_ORDER);
    t.same(
      run.json.members.map(({ name }: { name: string }) => name),
      PROVEN_ORDER,
    );
    t.end();
  });

  for (const [tool, command] of Object.entries(TOOLS)) {
    const [program, args] = command(out, join(dir, tool));
    const there = spawnSync(program, ['--help']).error === undefined;
    t.test(`which ${tool} unpacks to the same files`, { skip: there ? false : `no ${program}` }, (t) => {
      mkdirSync(join(dir, tool));
      execFileSync(program, args);
      t.same(readdirSync(join(dir, tool)).sort(), [...PROVEN_ORDER].sort());
      for (const [name, bytes] of stock.files) {
        t.ok(bytes.equals(readFileSync(join(dir, tool, name))), `${name} is as it was`);
      }
      t.end();
    });
  }

  t.test('and openssl agrees with all of its signatures', (t) => {
    const folder = join(dir, 'GNU tar');
    t.same(stockFailures(folder, systemKey.publicPath), []);
    t.ok(verifies(join(folder, 'publickey'), join(folder, 'BLOCKS'), join(folder, 'BLOCKS.sig')));
    t.end();
  });

  t.test('whose document tells where each member is and which ones were made', (t) => {
    const bytes = readFileSync(out);
    t.equal(run.json.size, bytes.length);
    for (const { name, offset, size, origin } of run.json.members) {
      t.equal(origin, name === 'BLOCKS' || name === 'BLOCKS.sig' ? 'made' : 'kept', name);
      const expected = stock.files.get(name);
      if (expected !== undefined) t.ok(bytes.subarray(offset, offset + size).equals(expected), name);
    }
    t.match(run.json, { bundle: { kind: 'proven', machine: 'quanta-q71l' }, trust: { key: 'OpenBMC' } });
    t.end();
  });

  t.test('and keeps its identity', async (t) => {
    const verify = await sluice(['verify', stock.path, '--keys', stock.keys, '--machine', 'any', '--json']);
    t.equal(verify.code, 0);
    t.equal(verify.json.bundle.kind, 'stock');
    t.equal(run.json.bundle.identity, verify.json.bundle.identity);
  });

  t.test('and is written in one pass from a pipe, each block proven before it is erased', async (t) => {
    const chip = join(dir, 'chip.bin');
    await sluice(['sim', 'create', chip, '--layout', 'quanta-q71l']);
    const args = ['write', '-', '--flash', `sim:${chip}`, '--keys', stock.keys, '--machine', 'quanta-q71l'];
    const write = await sluice([...args, '--json'], { input: readFileSync(out) });
    t.equal(write.code, 0, write.stdout + write.stderr);
    t.match(write.json, { outcome: 'committed', trust: { policy: 'before-erase', by: 'index' } });
    const kernel = stock.files.get('image-kernel') as Buffer;
    t.ok(
      readFileSync(chip)
        .subarray(0x80000, 0x80000 + kernel.length)
        .equals(kernel),
    );
  });

  t.test('and is the same again, from gzip and when it is packed anew', async (t) => {
    const zipped = join(dir, 'stock.tar.gz');
    writeFileSync(zipped, gzipSync(readFileSync(stock.path)));
    for (const source of [stock.path, zipped, out]) {
      const again = join(dir, 'again.tar');
      const args = ['pack', source, '--key', stock.key.path, '--keys', stock.keys, '--out', again, '--force'];
      t.equal((await sluice(args)).code, 0, source);
      t.ok(readFileSync(again).equals(readFileSync(out)), source);
    }
  });
  t.end();
});

t.test('the digests of BLOCKS are those that dd and sha256sum give', async (t) => {
  const dir = scratch(t);
  const stock = makeStockBundle(dir);
  const out = join(dir, 'update.tar');
  const args = ['pack', stock.path, '--key', stock.key.path, '--out', out];
  t.equal((await sluice([...args, '--block', '4096', '--security-version', '7'])).code, 0);
  unpack(out, join(dir, 'out'));
  const lines = readFileSync(join(dir, 'out', 'BLOCKS'), 'utf8')
    .trimEnd()
    .split('\n');
  t.same(lines.slice(0, 4), [
    'sluice-blocks 1',
    'machine quanta-q71l',
    'version 2.19.0-dev-123-gabcdef012',
    'security-version 7',
  ]);
  const kernel = join(stock.folder, 'image-kernel');
  const sum = (input: Buffer) => execFileSync('sha256sum', { input, encoding: 'utf8' }).slice(0, 64);
  t.equal(
    lines[4],
    `image image-kernel partition kernel size 70001 block 4096 sha256 ${sum(readFileSync(kernel))}`,
  );
  for (const block of [0, 9, 17]) {
    const bytes = execFileSync('dd', [`if=${kernel}`, 'bs=4096', `skip=${block}`, 'count=1', 'status=none']);
    t.equal(lines[5 + block], sum(bytes), `block ${block}`);
  }
  t.match(lines[5 + 18], /^image image-rofs partition rofs /);
});

t.test('what is not signed yet is signed, as openssl would', async (t) => {
  const dir = scratch(t);
  const key = makeKey(dir, 'image');
  const systemKey = makeKey(dir, 'system');
  const signatures = FULL_SIGNED.map((name) => `${name}.sig`);
  const stock = makeStockBundle(dir, { key, systemKey, without: [...signatures, 'image-full.sig'] });
  const out = join(dir, 'update.tar');
  const run = await sluice([
    'pack',
    stock.path,
    '--key',
    key.path,
    '--system-key',
    systemKey.path,
    '--sign-missing',
    '--out',
    out,
  ]);
  t.equal(run.code, 0, run.stderr);
  unpack(out, join(dir, 'out'));
  t.same(stockFailures(join(dir, 'out'), systemKey.publicPath), []);
  const expected = openssl('dgst', '-sha256', '-sign', key.path, join(stock.folder, 'image-rofs'));
  t.ok(readFileSync(join(dir, 'out', 'image-rofs.sig')).equals(expected), 'byte by byte, for PKCS#1');
});

t.test('images of any name and image-bmc alone are packed in their order', async (t) => {
  const dir = scratch(t);
  const key = makeKey(dir, 'key');
  const names = async (stock: string, out: string): Promise<string[]> => {
    const run = await sluice(['pack', stock, '--key', key.path, '--out', out, '--json']);
    t.equal(run.code, 0, run.stdout);
    const members: string[] = run.json.members.map(({ name }: { name: string }) => name);
    return members.filter((name) => name.startsWith('image-') && !name.endsWith('.sig'));
  };
  const all = makeStockBundle(dir, { key, name: 'all', images: { 'image-bmc': noise(300_000, 1) } });
  t.same(await names(all.path, join(dir, 'all-out.tar')), ['image-bmc']);
  const odd = makeStockBundle(dir, {
    key,
    name: 'odd',
    images: { 'image-u-boot-env': noise(999, 5), 'image-hostfw': noise(70_000, 6), ...smallImages() },
  });
  t.same(await names(odd.path, join(dir, 'odd-out.tar')), [
    'image-kernel',
    'image-rofs',
    'image-rwfs',
    'image-hostfw',
    'image-u-boot-env',
    'image-u-boot',
  ]);
});

t.test('a hash that MANIFEST names behind the images is used all the same', async (t) => {
  const dir = scratch(t);
  const stock = makeStockBundle(dir, { hash: 'sha384', without: ['image-rofs.sig', 'image-full.sig'] });
  const out = join(dir, 'update.tar');
  const run = await sluice(['pack', stock.path, '--key', stock.key.path, '--sign-missing', '--out', out]);
  t.equal(run.code, 0, run.stderr);
  unpack(out, join(dir, 'out'));
  const at = (name: string) => join(dir, 'out', name);
  t.ok(verifies(stock.key.publicPath, at('image-rofs'), at('image-rofs.sig'), 'sha384'));
  t.equal(statSync(at('BLOCKS.sig')).size, 256);
});

t.test('signatures of another algorithm are kept as they came', async (t) => {
  const dir = scratch(t);
  const stock = makeStockBundle(dir);
  const others = new Map(
    ['publickey', 'publickey.sig', 'MANIFEST.sig', 'image-kernel.sig', 'image-full.sig'].map((name, at) => [
      `MLDSA/${name}`,
      noise(3309, at),
    ]),
  );
  mkdirSync(join(stock.folder, 'MLDSA'));
  for (const [name, bytes] of others) writeFileSync(join(stock.folder, name), bytes);
  execFileSync('tar', ['-rf', stock.path, '-C', stock.folder, './MLDSA']);
  const out = join(dir, 'update.tar');
  const run = await sluice(['pack', stock.path, '--key', stock.key.path, '--out', out]);
  t.equal(run.code, 0, run.stderr);
  unpack(out, join(dir, 'out'));
  for (const [name, bytes] of others) t.ok(readFileSync(join(dir, 'out', name)).equals(bytes), name);
  t.match((await sluice(['inspect', out])).stdout, /MLDSA\/image-kernel\.sig .* other-signature/);
});

t.test('the deploy folder of a build is packed by its parts, or as the whole chip', async (t) => {
  const dir = scratch(t);
  const key = makeKey(dir, 'key');
  const folder = join(dir, 'deploy');
  mkdirSync(folder);
  for (const [name, bytes] of Object.entries({ ...smallImages(), 'image-bmc': noise(400_000, 9) })) {
    writeFileSync(join(folder, `obmc-${name}.bin`), bytes);
    symlinkSync(`obmc-${name}.bin`, join(folder, name));
  }
  const made = ['--machine', 'm', '--version', '1.0', '--key', key.path, '--json'];
  const pack = (out: string, ...args: string[]) =>
    sluice(['pack', '--images', folder, ...made, '--out', join(dir, out), ...args]);
  const both = await pack('both.tar');
  t.match([both.code, both.json], [3, { code: 'ERR_BUNDLE_LAYOUT', message: /--only kernel,.*--only bmc/ }]);
  for (const only of ['kernel,rofs,rwfs,u-boot', 'bmc']) {
    const run = await pack(`${only}.tar`, '--only', only);
    t.equal(run.code, 0, run.stdout);
    const images: string[] = run.json.images.map(({ partition }: { partition: string }) => partition);
    t.same(images.sort(), only.split(','));
  }
  t.match((await pack('none.tar', '--only', 'nvram')).json, { code: 'ERR_BUNDLE_MEMBER_MISSING' });
});

t.test('the example of docs/formats.md comes out as it stands there', async (t) => {
  const dir = scratch(t);
  const docs = readFileSync(fileURLToPath(new URL('../../docs/formats.md', import.meta.url)), 'utf8');
  const expected = /```blocks\n(.*?)```/s.exec(docs)?.[1] ?? '';
  const [script] = /mkdir deploy\n.*?key\.pem\n/s.exec(docs) ?? [''];
  execFileSync('sh', ['-ec', script], { cwd: dir, stdio: 'ignore' });
  const args = ['pack', '--images', 'deploy', '--machine', 'quanta-q71l', '--version', '2.19.0', '--json'];
  args.push('--security-version', '7', '--block', '4096', '--key', 'key.pem', '--out', 'update.tar');
  const run = await sluice(args, { cwd: dir });
  t.equal(run.code, 0, run.stderr);
  t.equal(execFileSync('tar', ['-xOf', join(dir, 'update.tar'), 'BLOCKS'], { encoding: 'utf8' }), expected);
  t.match(docs, `This one is \`${run.json.bundle.identity}\``);
  const lines = /```\n(sluice-identity 1\n.*?)```/s.exec(docs)?.[1] ?? '';
  t.equal(run.json.bundle.identity, `sha256:${createHash('sha256').update(lines).digest('hex')}`);
});
