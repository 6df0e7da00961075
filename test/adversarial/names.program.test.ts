/** Names that lead elsewhere: of members, keys, partitions, uploads, receipts, and of Redfish. */
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startService } from '../kit/serve-kit.js';
import { OLD } from '../system/board.js';
import { longName, member as rawMember, pax } from '../kit/tar-maker.js';
import { boardOf, good, refuseAll, refused, tarball, withIndex, withManifest, type Attack } from './kit.js';

const END = Buffer.alloc(1024);

t.test(
  'lesson 8: no name of a sender names a file (CVE-2023-7216, tarfile CVE-2007-4559, tar-fs CVE-2025-59343)',
  async (t) => {
    const board = await boardOf(t);
    const rest = good().map(({ name, bytes }) => rawMember(name, bytes));
    const named = (...parts: Buffer[]): Buffer => Buffer.concat([...parts, ...rest, END]);
    const names = [
      '../escape',
      '/escape',
      'a/../../escape',
      '..',
      './../escape',
      'image-a/../../escape',
      'C:\\escape',
      'image-\x1b[2J',
      'image-\u0000x',
      'image-.',
    ];
    await refuseAll(t, board, [
      ...names.map((name): Attack => [
        JSON.stringify(name),
        named(rawMember(name, 'x')),
        'ERR_BUNDLE_TAR_NAME',
        'ERR_BUNDLE_MEMBER',
      ]),
      ['by a pax path', named(pax({ path: '../escape' }), rawMember('image-a', 'x')), 'ERR_BUNDLE_TAR_NAME'],
      [
        'by a long name of GNU',
        named(longName('../escape'), rawMember('image-a', 'x', { magic: 'ustar  \0' })),
        'ERR_BUNDLE_TAR_NAME',
      ],
      ['by a prefix', named(rawMember('escape', 'x', { prefix: '..' })), 'ERR_BUNDLE_TAR_NAME'],
      ['by a link', named(rawMember('image-a', '', { type: '2' })), 'ERR_BUNDLE_TAR_TYPE'],
    ]);
    t.notOk(existsSync(join(board.dir, '..', 'escape')) || existsSync('/escape'), 'there is no such file');
  },
);

t.test('partitions are named by what the flash has, and by nothing else', async (t) => {
  const board = await boardOf(t);
  const lie = (to: string): Buffer =>
    tarball(withIndex((text) => text.replace('partition kernel', `partition ${to}`)));
  const manifest = (line: string): Buffer =>
    tarball(withManifest(good(), (text) => text.replace('KeyType=OpenBMC', line)));
  await refuseAll(t, board, [
    ['a path as a partition', lie('../../dev/mtd0'), 'ERR_BUNDLE_BLOCKS'],
    ['another partition', lie('rofs'), 'ERR_BUNDLE_BLOCKS'],
    ['an object’s own', lie('__proto__'), 'ERR_BUNDLE_BLOCKS'],
  ]);
  const typed = await board.write('-', ['--json'], { input: manifest('KeyType=../../../tmp') });
  t.match(
    typed.json,
    { outcome: 'committed', trust: { key: 'Generated' } },
    'KeyType of MANIFEST names no folder here',
  );
  board.reset();
  for (const name of ['../kernel', '__proto__', 'constructor', '', 'kernel/../rofs', 'kernel\0']) {
    if (name.includes('\0')) continue;
    const run = await board.write('-', ['--json', '--only', `${name}`], { input: tarball(good()) });
    refused(t, `--only ${name}`, run, ['ERR_USAGE_PARTITION', 'ERR_USAGE_OPTION']);
  }
  t.ok(board.bytes().equals(OLD));
});

t.test('names in the folder of keys: links and strays are refused by name', async (t) => {
  const board = await boardOf(t);
  const input = tarball(good());
  const secret = join(board.dir, 'elsewhere');
  mkdirSync(secret);
  symlinkSync(secret, join(board.keys, 'Linked'));
  refused(t, 'a link to a folder', await board.write('-', ['--json'], { input }), ['ERR_TRUST_KEY']);
});

t.test(
  'ids of uploads, receipts, sessions, tasks and partitions lead to no file (wfx, MEN-9056)',
  async (t) => {
    const service = await startService(t);
    writeFileSync(join(service.state, 'receipts', 'secret.json'), '{"secret":true}');
    const before = readdirSync(service.state).sort();
    const odd = [
      '..%2ftoken',
      '..%2f..%2ftoken',
      '%2e%2e%2ftoken',
      '..%5ctoken',
      'secret',
      '%00',
      'token%00',
      '000001%2f..%2f..%2ftoken',
      '__proto__',
      'constructor',
      '%c0%ae%c0%ae%c0%aftoken',
    ];
    const places: [string, string][] = [
      ['GET', '/v1/receipts/'],
      ['HEAD', '/v1/update/'],
      ['DELETE', '/v1/update/'],
      ['GET', '/redfish/v1/UpdateService/FirmwareInventory/'],
      ['GET', '/redfish/v1/TaskService/Tasks/'],
      ['GET', '/redfish/v1/TaskService/TaskMonitors/'],
      ['GET', '/redfish/v1/SessionService/Sessions/'],
    ];
    for (const id of odd) {
      for (const [method, place] of places) {
        const { status, text } = await service.request(`${place}${id}`, { method });
        t.ok(status === 400 || status === 404 || status === 409, `${method} ${place}${id}: ${status}`);
        t.notOk(text.includes(service.token) || text.includes('"secret":true'), 'it tells nothing');
      }
    }
    for (const query of [
      'only=../kernel',
      'only=__proto__',
      'resume=../../../../etc/x',
      'resume=abcdefghijklmnop%00',
      'check=../token',
      'check=__proto__',
    ]) {
      const { status } = await service.request(`/v1/update?${query}`, {
        method: 'PUT',
        body: 'x'.repeat(600),
      });
      t.ok(status >= 400 && status < 500, `${query}: ${status}`);
    }
    t.same(readdirSync(service.state).sort(), before, 'and no file was made');
    t.ok(service.board.bytes().equals(OLD));
  },
);
