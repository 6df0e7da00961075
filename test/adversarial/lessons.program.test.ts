/**
 * One attack for each lesson that the field has paid for, against the program as it is shipped. Deeper tests of the
 * same are named beside them in docs/attacks.md.
 */
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { spawnSync } from 'node:child_process';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { makeBundle, tarOf, withMember } from '../kit/bundle-maker.js';
import { testBundle } from '../kit/serve-bundles.js';
import { startService } from '../kit/serve-kit.js';
import { BLOCK, OLD, range } from '../system/board.js';
import { PROGRAM, sluice } from '../system/run.js';
import { longName, member as rawMember, pax } from '../kit/tar-maker.js';
import {
  boardOf,
  good,
  KERNEL,
  member,
  refuseAll,
  refused,
  REST,
  ROFS,
  tarball,
  withIndex,
  withManifest,
} from './kit.js';

const END = Buffer.alloc(1024);

/** Members of a bundle as parts of a tarball, so that something else can be put between them. */
const parts = (): Buffer[] => good().map(({ name, bytes }) => rawMember(name, bytes));

t.test(
  'lesson 1: what failed is never committed, whatever is asked behind it (failure then commit)',
  async (t) => {
    const service = await startService(t);
    const { bytes } = testBundle();
    const wrong = Buffer.from(bytes);
    // In the last image: everything before it is proven and in place by then.
    const at = bytes.length - 20 * 512;
    wrong[at] = wrong.readUInt8(at) ^ 1;
    const resume = 'abcdefghijklmnop';
    const answer = await service.request(`/v1/update?resume=${resume}`, { method: 'PUT', body: wrong });
    t.match(answer, { status: 422, json: { code: 'ERR_TRUST_BLOCK', outcome: 'refused' } });
    const gates = (): boolean =>
      ['kernel', 'rofs', 'rwfs', 'u-boot'].every((name) => {
        const { offset } = range(name);
        return service.board
          .bytes()
          .subarray(offset, offset + BLOCK)
          .equals(OLD.subarray(offset, offset + BLOCK));
      });
    t.ok(gates(), 'the first block of each partition is the old one');
    const { received } = (await service.request('/v1/status')).json.lastReceipt ?? {};
    const offset = String(received ?? wrong.length);
    for (const [method, path, headers] of [
      ['PATCH', `/v1/update/${resume}`, { 'upload-offset': offset }],
      ['DELETE', `/v1/update/${resume}`, {}],
      ['PUT', `/v1/update?check=${answer.json.bundle.identity}`, {}],
    ] as const) {
      const { status } = await service.request(path, {
        method,
        headers,
        body: method === 'DELETE' ? '' : bytes.subarray(at),
      });
      t.ok(status >= 400, `${method} ${path}: ${status}`);
      t.ok(gates(), 'and still is');
    }
    const { partitions } = (await service.request('/v1/status')).json.flash;
    t.ok(
      partitions.every(({ installed }: { installed: unknown }) => installed === null),
      'nothing counts as installed',
    );
  },
);

t.test(
  'lesson 2: the bytes that are checked are those that are written (TOCTOU, rauc CVE-2020-25860)',
  async (t) => {
    const board = await boardOf(t);
    const members = good({ kind: 'stock', images: { kernel: KERNEL, rofs: ROFS, ...REST } });
    const { bytes, places } = tarOf(members);
    const changed = Buffer.from(bytes);
    const { start } = places.get('image-rofs') as { start: number };
    changed[start + BLOCK + 5] = changed.readUInt8(start + BLOCK + 5) ^ 0x80;
    let asked = 0;
    // One bit of one block, at the second reading only.
    const server = createServer((_request, response) => void response.end(asked++ === 0 ? bytes : changed));
    t.teardown(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const run = await board.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}/x.tar`, [
      '--json',
      '--only',
      'kernel,rofs',
    ]);
    refused(t, 'one bit', run, ['ERR_SOURCE_CHANGED']);
    t.equal(asked, 2);
    const { offset, size } = range('rofs');
    const rofs = board.bytes().subarray(offset, offset + size);
    t.notOk(
      rofs.includes(changed.subarray(start + BLOCK, start + 2 * BLOCK)),
      'the changed block is not in flash',
    );
    t.ok(rofs.subarray(0, BLOCK).equals(OLD.subarray(offset, offset + BLOCK)), 'and the old head stands');
  },
);

t.test('lesson 3: the length that is signed is the length that is consumed (CVE-2026-34155)', async (t) => {
  const board = await boardOf(t);
  const said = `size ${KERNEL.length} `;
  const lie = (size: number | string): Buffer =>
    tarball(withIndex((text) => text.replace(said, `size ${size} `)));
  await refuseAll(t, board, [
    ['one byte less, same number of blocks', lie(KERNEL.length - 1), 'ERR_TRUST_INDEX'],
    ['one byte more', lie(KERNEL.length + 1), 'ERR_TRUST_INDEX'],
    ['2^32 more', lie(KERNEL.length + 2 ** 32), 'ERR_BUNDLE_BLOCKS'],
    ['2^53', lie('9007199254740992'), 'ERR_BUNDLE_BLOCKS'],
    ['negative', lie(-KERNEL.length), 'ERR_BUNDLE_BLOCKS'],
  ]);
});

t.test(
  'lesson 4: each member is known, and there once (swupdate CVE-2025-67903; first or last wins in tar)',
  async (t) => {
    const board = await boardOf(t);
    const evil = Buffer.alloc(KERNEL.length, 'e');
    const withExtra = (...extra: Buffer[]): Buffer =>
      Buffer.concat([...parts().slice(0, 4), ...extra, ...parts().slice(4), END]);
    const manifest = member(good(), 'MANIFEST').bytes;
    await refuseAll(t, board, [
      ['MANIFEST again', withExtra(rawMember('MANIFEST', manifest)), 'ERR_BUNDLE_TAR_DUPLICATE'],
      [
        'MANIFEST again, as ./MANIFEST',
        withExtra(rawMember('./MANIFEST', manifest)),
        'ERR_BUNDLE_TAR_DUPLICATE',
      ],
      [
        'MANIFEST again, by a pax path',
        withExtra(pax({ path: 'MANIFEST' }), rawMember('x', manifest)),
        'ERR_BUNDLE_TAR_DUPLICATE',
      ],
      [
        'MANIFEST again, by a long name of GNU',
        withExtra(longName('MANIFEST'), rawMember('x', manifest, { magic: 'ustar  \0' })),
        'ERR_BUNDLE_TAR_DUPLICATE',
      ],
      ['a script', withExtra(rawMember('preinst.sh', 'reboot')), 'ERR_BUNDLE_MEMBER'],
      [
        'an image that nothing lists',
        withExtra(rawMember('image-evil', evil)),
        'ERR_TRUST_NOT_AHEAD',
        'ERR_TRUST_UNVOUCHED',
      ],
      [
        'an image ahead of the index',
        Buffer.concat([rawMember('image-kernel', evil), ...parts(), END]),
        'ERR_TRUST_NOT_AHEAD',
        'ERR_TRUST_UNVOUCHED',
      ],
    ]);
  },
);

t.test(
  'lesson 5: an empty signature, hash or key ring opens nothing (JetKVM #1262, fwupd CVE-2020-10759)',
  async (t) => {
    const board = await boardOf(t);
    const empty = (name: string): Buffer => tarball(withMember(good(), name, new Uint8Array(0)));
    await refuseAll(t, board, [
      ['MANIFEST.sig', empty('MANIFEST.sig'), 'ERR_BUNDLE_MEMBER_SIZE'],
      ['BLOCKS.sig', empty('BLOCKS.sig'), 'ERR_BUNDLE_MEMBER_SIZE'],
      ['publickey', empty('publickey'), 'ERR_BUNDLE_MEMBER_SIZE'],
      [
        'zeros for a signature',
        tarball(withMember(good(), 'MANIFEST.sig', new Uint8Array(256))),
        'ERR_TRUST_SIGNATURE',
      ],
    ]);
    const store = join(board.keys, 'Generated');
    const bundle = tarball(good());
    for (const [file, codes] of [
      ['publickey', ['ERR_TRUST_KEY']],
      ['hashfunc', ['ERR_TRUST_HASH']],
    ] as const) {
      const before = readFileSync(join(store, file));
      writeFileSync(join(store, file), '');
      refused(
        t,
        `an empty ${file} of the board`,
        await board.write('-', ['--json'], { input: bundle }),
        codes,
      );
      writeFileSync(join(store, file), before);
    }
    rmSync(board.keys, { recursive: true });
    refused(t, 'no key directory', await board.write('-', ['--json'], { input: bundle }), [
      'ERR_TRUST_NO_KEYS',
    ]);
    mkdirSync(board.keys);
    refused(t, 'an empty key directory', await board.write('-', ['--json'], { input: bundle }), [
      'ERR_TRUST_NO_KEYS',
    ]);
    const image = join(board.dir, 'kernel.bin');
    const signature = join(board.dir, 'kernel.sig');
    writeFileSync(image, KERNEL);
    writeFileSync(signature, '');
    const run = await board.write(image, ['--json', '--partition', 'kernel', '--sig', signature]);
    t.not(run.code, 0, 'an empty --sig');
    t.ok(board.bytes().equals(OLD));
  },
);

t.test(
  'lesson 6: what is covered is not chosen by what is not signed (Supermicro CVE-2024-10237, U-Boot FIT CVE-2020-10648)',
  async (t) => {
    const board = await boardOf(t);
    const members = good();
    const renamed = (from: string, to: string): typeof members =>
      members.map((it) => (it.name === from ? { ...it, name: to } : it));
    const swapped = members.map((it) =>
      it.name === 'image-kernel'
        ? { ...it, name: 'image-rofs' }
        : it.name === 'image-rofs'
          ? { ...it, name: 'image-kernel' }
          : it,
    );
    const without = (name: string): typeof members => members.filter((it) => it.name !== name);
    const unsigned = (change: (text: string) => string): Buffer =>
      tarball(
        withMember(
          members,
          'MANIFEST',
          Buffer.from(change(Buffer.from(member(members, 'MANIFEST').bytes).toString())),
        ),
      );
    await refuseAll(t, board, [
      [
        'another hash in MANIFEST',
        unsigned((text) => text.replace('RSA-SHA256', 'RSA-SHA512')),
        'ERR_TRUST_SIGNATURE',
      ],
      [
        'a hash that is broken',
        unsigned((text) => text.replace('RSA-SHA256', 'RSA-MD5')),
        'ERR_TRUST_SIGNATURE',
        'ERR_TRUST_HASH',
      ],
      [
        'no index any more',
        tarball(members.filter(({ name }) => !name.startsWith('BLOCKS'))),
        'ERR_TRUST_NOT_AHEAD',
      ],
      [
        'the index without its signature',
        tarball(without('BLOCKS.sig')),
        'ERR_TRUST_SIGNATURE_MISSING',
        'ERR_TRUST_NOT_AHEAD',
        'ERR_BUNDLE_ORDER',
        'ERR_BUNDLE_MEMBER_MISSING',
      ],
      ['two images with their names exchanged', tarball(swapped), 'ERR_TRUST_INDEX', 'ERR_TRUST_BLOCK'],
      [
        'an image under the name of another partition',
        tarball(renamed('image-kernel', 'image-rwfs')),
        'ERR_TRUST_INDEX',
        'ERR_TRUST_UNVOUCHED',
      ],
    ]);
  },
);

t.test(
  'lesson 7: a digest counts whole and in one spelling only (OpenWrt CVE-2024-54143, CVE-2020-7982)',
  async (t) => {
    const board = await boardOf(t);
    const digest = /\n([0-9a-f]{64})\n/;
    const hashType = (text: string): Buffer =>
      tarball(withManifest(good(), (manifest) => manifest.replace('HashType=RSA-SHA256', text)));
    await refuseAll(t, board, [
      [
        'cut to 12 characters',
        tarball(withIndex((text) => text.replace(digest, (_, it: string) => `\n${it.slice(0, 12)}\n`))),
        'ERR_BUNDLE_BLOCKS',
      ],
      [
        'a blank before it',
        tarball(withIndex((text) => text.replace(digest, '\n $1\n'))),
        'ERR_BUNDLE_BLOCKS',
      ],
      [
        'a blank behind it',
        tarball(withIndex((text) => text.replace(digest, '\n$1 \n'))),
        'ERR_BUNDLE_BLOCKS',
      ],
      [
        'in capitals',
        tarball(
          withIndex((text) =>
            text.replace(digest, (_, it: string) => `\n${it.toUpperCase().replace(/^\d/, 'A')}\n`),
          ),
        ),
        'ERR_BUNDLE_BLOCKS',
      ],
      ['not there', tarball(withIndex((text) => text.replace(digest, '\n'))), 'ERR_BUNDLE_BLOCKS'],
      [
        'right in its first 31 bytes',
        tarball(
          withIndex((text) =>
            text.replace(
              digest,
              (_, it: string) => `\n${it.slice(0, 62)}${it.endsWith('00') ? '01' : '00'}\n`,
            ),
          ),
        ),
        'ERR_TRUST_BLOCK',
      ],
      ['a blank before the hash type', hashType('HashType= RSA-SHA256'), 'ERR_TRUST_HASH'],
      ['a blank before the key', hashType(' HashType=RSA-SHA256'), 'ERR_TRUST_HASH'],
    ]);
  },
);

t.test(
  'lesson 10: versions that are no numbers, or are read in two ways, pass no minimum (rauc 531d4ca6)',
  async (t) => {
    const board = await boardOf(t);
    const attempt = async (
      version: string,
      least: string,
      ...more: string[]
    ): Promise<{ code: string | null; exit: number | null }> => {
      const { bytes } = makeBundle({ images: { kernel: KERNEL }, kind: 'proven', blockSize: BLOCK, version });
      const run = await board.write('-', ['--json', '--min-version', least, ...more], { input: bytes });
      return { code: (run.json as { code: string | null }).code, exit: run.code };
    };
    for (const version of [
      '2.9.0',
      '2.99999999999999999999',
      '3.0.0x',
      '2.19.0-rc1',
      '1e9',
      '0x99',
      '3,0',
      '\u0663.0'.replace(/[^ -~]/g, '?'),
    ]) {
      t.match(await attempt(version, '2.19.0'), { code: 'ERR_TRUST_VERSION', exit: 3 }, version);
    }
    t.ok(board.bytes().equals(OLD), 'nothing was written');
    t.match(await attempt('2.100.0', '2.19.0'), { code: null, exit: 0 }, '100 is more than 19');
    const replay = await attempt('2.19.0', '2.20.0');
    t.match(
      replay,
      { code: 'ERR_TRUST_VERSION', exit: 3 },
      'a bundle that was good once, sent again (replay, rollback)',
    );
    t.match(await attempt('9.0', '1', '--min-security-version', '1'), {
      code: 'ERR_TRUST_SECURITY_VERSION',
      exit: 3,
    });
  },
);

t.test(
  'lesson 11: no failure ends with exit code 0, of a full disk neither (swupdate 2196dcfb, WEXITSTATUS)',
  async (t) => {
    const board = await boardOf(t);
    const path = join(board.dir, 'good.tar');
    writeFileSync(path, tarball(good()));
    const full = openSync('/dev/full', 'w');
    const words = [PROGRAM, 'write', path, ...board.args, '--json'];
    const env = { ...process.env };
    delete env['NODE_OPTIONS'];
    const told = spawnSync(process.execPath, words, {
      env,
      stdio: ['ignore', full, 'pipe'],
      encoding: 'utf8',
    });
    closeSync(full);
    t.equal(told.status, 2, told.stderr);
    t.match(told.stderr, /ERR_USAGE_OUTPUT/, 'a result that cannot be told is none');
    t.match(told.stderr, /committed: .*\n +flash: complete\n/, 'though the flash is as it was asked for');
    const endless = await sluice([
      'write',
      '/dev/zero',
      ...board.args,
      '--partition',
      'kernel',
      '--trust',
      'unsigned',
      '--json',
    ]);
    refused(t, 'a source without end', endless, ['ERR_BUNDLE_TOO_BIG']);
    for (const words of [
      ['write'],
      ['verify', path],
      ['serve'],
      ['push', 'http://127.0.0.1:1', path, '--retries', '0'],
      ['frobnicate'],
    ]) {
      t.not((await sluice(words)).code, 0, words.join(' '));
    }
  },
);

t.test(
  'lesson 12: bundles are not mixed, and a stream has an end (TUF: mix and match, endless data, fast forward)',
  async (t) => {
    const board = await boardOf(t);
    const one = good();
    const other = good({
      version: '2.20.0',
      images: { kernel: ROFS.subarray(0, KERNEL.length), rofs: ROFS },
    });
    const mixed = (...names: string[]): Buffer =>
      tarball(names.reduce((into, name) => withMember(into, name, member(other, name).bytes), one));
    const zeros = Buffer.alloc(8 * 1024 * 1024);
    await refuseAll(t, board, [
      ['MANIFEST of the newer one (fast forward)', mixed('MANIFEST', 'MANIFEST.sig'), 'ERR_TRUST_INDEX'],
      ['the index of the other one', mixed('BLOCKS', 'BLOCKS.sig'), 'ERR_TRUST_INDEX'],
      [
        'an image of the other one',
        mixed('image-kernel', 'image-kernel.sig'),
        'ERR_TRUST_SIGNATURE',
        'ERR_TRUST_BLOCK',
      ],
      ['image-full.sig of the other one', mixed('image-full.sig'), 'ERR_TRUST_SIGNATURE'],
      [
        'zeros without end in the place of members',
        Buffer.concat([...parts().slice(0, 4), zeros]),
        'ERR_SOURCE_TRAILING',
      ],
    ]);
    const run = await board.write('-', ['--json'], { input: [tarball(good()), zeros] });
    refused(t, 'zeros without end behind the bundle', run, ['ERR_SOURCE_TRAILING']);
  },
);

t.test(
  'lesson 13: no key is built in and no switch leads around the checks (GHSA-gcxh-546h-phg4, hash_checks_mandatory)',
  async (t) => {
    const service = await startService(t, {
      env: { SLUICE_TRUST: 'unsigned', SLUICE_DEBUG: '1', NODE_ENV: 'development' },
    });
    const { bytes } = testBundle();
    const unsigned = Buffer.from(bytes);
    unsigned[600] = unsigned.readUInt8(600) ^ 1;
    const asked = await service.request('/v1/update?trust=unsigned', { method: 'PUT', body: unsigned });
    t.match(asked, { status: 422, json: { code: 'ERR_TRUST_POLICY' } }, 'a sender may not ask for it');
    t.match(
      await service.request('/v1/update', { method: 'PUT', body: unsigned }),
      { status: 422 },
      'the environment does not, either',
    );
    t.ok(service.board.bytes().equals(OLD));
    const board = await boardOf(t);
    rmSync(join(board.keys, 'Generated'), { recursive: true });
    const foreign = tarball(good());
    refused(t, 'a key that the board does not have', await board.write('-', ['--json'], { input: foreign }), [
      'ERR_TRUST_SIGNATURE',
    ]);
    const meant = await board.write('-', ['--json', '--trust', 'unsigned'], { input: foreign });
    t.match(
      meant.json,
      { outcome: 'committed', trust: { policy: 'unsigned', by: 'none', key: null } },
      'said by name, and told by the receipt',
    );
  },
);

t.test(
  'lesson 14: the flash is not what it was taken for (partition too small, chip cut short, busy)',
  async (t) => {
    const board = await boardOf(t);
    const { size } = range('kernel');
    const big = makeBundle({
      images: { kernel: Buffer.alloc(size + 1, 'k') },
      kind: 'proven',
      blockSize: BLOCK,
    });
    await refuseAll(t, board, [['an image one byte too long', big.bytes, 'ERR_BUNDLE_TOO_BIG']]);
    truncateSync(board.chip, OLD.length - BLOCK);
    const run = await board.write('-', ['--json'], { input: tarball(good()) });
    refused(t, 'a chip that is shorter than it says', run, ['ERR_USAGE_SIM']);
  },
);

t.test(
  'lesson 15: the environment of the boot loader is not touched unless it is named (torn writes)',
  async (t) => {
    const board = await boardOf(t);
    const { offset, size } = range('u-boot-env');
    const whole = Buffer.alloc(OLD.length, 'w');
    const bundle = makeBundle({ images: { bmc: whole }, kind: 'proven', blockSize: BLOCK });
    const run = await board.write('-', ['--json', '--only', 'kernel,rofs'], { input: bundle.bytes });
    t.match(run.json, { outcome: 'committed' }, run.stderr);
    t.ok(
      board
        .bytes()
        .subarray(offset, offset + size)
        .equals(OLD.subarray(offset, offset + size)),
      'it is as it was',
    );
    const { wear } = JSON.parse(readFileSync(`${board.chip}.json`, 'utf8')) as { wear: string };
    const erases = wear.split(' ').flatMap((run) => {
      const [count = '', times = '1'] = run.split('*');
      return Array.from({ length: Number(times) }, () => Number(count));
    });
    t.same(erases.slice(offset / BLOCK, (offset + size) / BLOCK), [0, 0], 'and was never erased');
  },
);
