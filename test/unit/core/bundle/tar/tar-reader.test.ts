import t, { type Test } from 'tap';
import * as fc from 'fast-check';
import { TarReader } from '../../../../../src/core/bundle/tar/tar-reader.js';
import { TAR_LIMITS } from '../../../../../src/core/bundle/tar/limits.js';
import {
  end,
  gnuMagic,
  header,
  longName,
  member,
  pax,
  pieces,
  readAll,
  readChunks,
  split,
  tarball,
  type Taken,
} from '../../../../kit/tar-maker.js';

const names = (members: Taken[]) => members.map(({ name }) => name);
const refused = (t: Test, bytes: Uint8Array, code: string, what: string) =>
  t.rejects(readAll(bytes), { name: 'SluiceError', code }, what);

t.test('members come in order with all their bytes, empty ones included', async (t) => {
  const kernel = Buffer.alloc(1500, 7);
  const members = await readAll(
    tarball(member('image-kernel', kernel), member('empty', ''), member('MANIFEST', 'version=1\n')),
  );
  t.strictSame(names(members), ['image-kernel', 'empty', 'MANIFEST']);
  t.strictSame(members[0]?.data, kernel);
  t.equal(members[1]?.finished, true);
  t.equal(members[2]?.data.toString(), 'version=1\n');
});

const mixed = tarball(
  pax({ comment: 'made by a test' }, 'g'),
  member('./', '', { type: '5' }),
  member('image-u-boot', Buffer.from(Array.from({ length: 1300 }, (_, i) => i & 255)), { magic: gnuMagic }),
  longName('./' + 'k'.repeat(100)),
  member('k'.repeat(99), 'long'),
  pax({ path: './image-rofs', size: '512', mtime: '1.5', 'SCHILY.fflags': 'extent' }),
  header({ name: 'short', size: 0 }),
  Buffer.alloc(512, 1),
  member('none', '', { type: '\0' }),
  Buffer.alloc(9000),
);

t.test('any split of a tarball gives the same members', async (t) => {
  const whole = await readAll(mixed);
  t.strictSame(names(whole), ['image-u-boot', 'k'.repeat(100), 'image-rofs', 'none']);
  t.strictSame(await readChunks(pieces(mixed, 1)), whole, 'one byte at a time');
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(mixed.length), { maxLength: 60 }), async (places) => {
      t.strictSame(await readChunks(split(mixed, places)), whole);
    }),
    { numRuns: 200 },
  );
});

t.test(
  'a tarball cut at any byte before its end is truncated, and hands out no byte that was not there',
  async (t) => {
    const bytes = tarball(pax({ path: 'image-rofs' }), member('x', 'some data'), member('MANIFEST', 'y'));
    const odd: string[] = [];
    for (let length = 0; length < bytes.length; length++) {
      const members: Taken[] = [];
      const code = await readChunks([bytes.subarray(0, length)], {}, members).then(
        () => 'taken',
        (error: { code: string }) => error.code,
      );
      const given = members.reduce((total, { data }) => total + data.length, 0);
      if (code !== 'ERR_SOURCE_TRUNCATED' || given > length) odd.push(`${length}: ${code}, ${given} bytes`);
    }
    t.strictSame(odd, []);
  },
);

t.test('data are parts of what was written, not copies', async (t) => {
  const bytes = member('image-kernel', Buffer.alloc(5000, 3));
  const seen: Uint8Array[] = [];
  const reader = new TarReader({ begin() {}, data: (part) => void seen.push(part), finish() {} });
  await reader.write(bytes.subarray(0, 700));
  const rest = bytes.subarray(700, 4000);
  await reader.write(rest);
  t.equal(seen[0]?.buffer, bytes.buffer);
  t.equal(seen[0]?.byteOffset, bytes.byteOffset + 512);
  t.equal(seen[0]?.length, 188);
  t.equal(seen[1], rest, 'a chunk of data only is handed on as it is');
});

t.test(
  'write resolves only when the handler has taken every byte, and nothing is called meanwhile',
  async (t) => {
    const events: string[] = [];
    const waiting: (() => void)[] = [];
    const slow = (what: string) => {
      events.push(what);
      return new Promise<void>((resolve) => waiting.push(resolve));
    };
    const reader = new TarReader({
      begin: ({ name }) => slow(`begin ${name}`),
      data: (bytes) => slow(`data ${bytes.length}`),
      finish: () => slow('finish'),
    });
    let written = false;
    const write = reader
      .write(Buffer.concat([member('a', 'xyz'), member('b', '')]))
      .then(() => (written = true));
    const expected = ['begin a', 'data 3', 'finish', 'begin b', 'finish'];
    for (let i = 0; i < expected.length; i++) {
      await new Promise((resolve) => setImmediate(resolve));
      t.strictSame(events, expected.slice(0, i + 1));
      t.equal(written, false);
      waiting.shift()?.();
    }
    await write;
    await reader.write(end);
    await reader.end();
    t.strictSame(events, expected);
  },
);

t.test('a second write during a write is refused, and the first one fails with it', async (t) => {
  let resume = (): void => {};
  const reader = new TarReader({
    begin: () => new Promise<void>((resolve) => (resume = resolve)),
    data: () => {},
    finish: () => {},
  });
  const first = reader.write(member('a', ''));
  await t.rejects(reader.write(end), { code: 'ERR_SESSION_STATE' });
  resume();
  await t.rejects(first, { code: 'ERR_SESSION_STATE' });
  await t.rejects(reader.end(), { code: 'ERR_SESSION_STATE' });
});

t.test('a handler that gives no promise costs no turn of the microtask queue', async (t) => {
  const events: string[] = [];
  const reader = new TarReader({
    begin: ({ name }) => void events.push(name),
    data: (bytes) => void events.push(String(bytes.length)),
    finish: () => void events.push('finish'),
  });
  const write = reader.write(Buffer.concat([member('a', 'xyz'), member('b', '')]));
  t.strictSame(
    events,
    ['a', '3', 'finish', 'b', 'finish'],
    'all of it has happened before anything is awaited',
  );
  await write;
});

t.test('what a handler throws comes out of write, and the reader stays failed with it', async (t) => {
  const oops = new Error('no');
  for (const method of ['begin', 'data', 'finish'] as const) {
    for (const fail of [
      () => Promise.reject(oops),
      () => {
        throw oops;
      },
    ]) {
      let calls = 0;
      const handler = { begin() {}, data() {}, finish() {}, [method]: () => (calls++, fail()) };
      const reader = new TarReader(handler);
      const bytes = tarball(member('a', 'xyz'));
      await t.rejects(reader.write(bytes), oops);
      await t.rejects(reader.write(bytes), oops);
      await t.rejects(reader.end(), oops);
      t.equal(calls, 1);
    }
  }
});

t.test('after its end the reader takes nothing', async (t) => {
  const reader = new TarReader({ begin() {}, data() {}, finish() {} });
  await reader.write(tarball());
  await reader.end();
  await t.rejects(reader.write(end), { code: 'ERR_SESSION_STATE' });
  await t.rejects(reader.end(), { code: 'ERR_SESSION_STATE' });
});

t.test('names are flat, printable and short', async (t) => {
  for (const name of [
    '/image',
    '../image',
    '..',
    '.',
    './../image',
    'a/b',
    './a/b',
    '',
    './',
    'a\nb',
    'a\x1b[2Jb',
    'caf\xe9',
  ]) {
    await refused(t, tarball(header({ name })), 'ERR_BUNDLE_TAR_NAME', JSON.stringify(name));
  }
  await t.rejects(readAll(tarball(header({ name: '/image' }))), { message: /is absolute/ });
  await refused(
    t,
    tarball(header({ name: 'image', prefix: 'etc' })),
    'ERR_BUNDLE_TAR_NAME',
    'a ustar prefix',
  );
  await refused(t, tarball(longName('k'.repeat(101)), header()), 'ERR_BUNDLE_TAR_NAME', 'a long name');
  await refused(
    t,
    tarball(longName('image\0kernel'), header()),
    'ERR_BUNDLE_TAR_NAME',
    'a NUL in a long name',
  );
  await refused(
    t,
    tarball(pax({ path: 'image\0kernel' }), header()),
    'ERR_BUNDLE_TAR_NAME',
    'a NUL in a pax path',
  );
  for (const key of ['path\0', 'comment\0x', '\0']) {
    await refused(t, tarball(pax({ [key]: 'x' }), header()), 'ERR_BUNDLE_TAR_HEADER', 'a NUL in a pax key');
  }
  await refused(t, tarball(pax({ path: '/image' }), header()), 'ERR_BUNDLE_TAR_NAME', 'an absolute pax path');
  await refused(t, tarball(pax({ path: '' }), header()), 'ERR_BUNDLE_TAR_NAME', 'an empty pax path');
  await t.rejects(readAll(tarball(header({ name: 'kernel' })), { name: 5 }), { code: 'ERR_BUNDLE_TAR_NAME' });
  t.strictSame(names(await readAll(tarball(header({ name: './image' })))), ['image']);
  t.strictSame(names(await readAll(tarball(header({ name: 'image', prefix: '.' })))), ['image']);
});

t.test('an old GNU header has no prefix; what stands there is not part of the name', async (t) => {
  const bytes = tarball(header({ name: 'image', prefix: '14713275000\0', magic: gnuMagic }));
  t.strictSame(names(await readAll(bytes)), ['image']);
});

t.test('a message shows an odd name without its control characters', async (t) => {
  await t.rejects(readAll(tarball(header({ name: 'a\x1b[2J\u009bb' }))), { message: /"a\\x1b\[2J\\x9bb"/ });
});

t.test('only plain files are taken', async (t) => {
  for (const type of '1234567DKMNSVXA ') {
    await refused(t, tarball(header({ type })), 'ERR_BUNDLE_TAR_TYPE', `type ${type}`);
  }
  for (const name of ['a/b/', '../', '/dir/', '.dir/', './../'])
    await refused(t, tarball(header({ type: '5', name })), 'ERR_BUNDLE_TAR_TYPE', `the directory ${name}`);
  await refused(t, tarball(member('./', 'x', { type: '5' })), 'ERR_BUNDLE_TAR_TYPE', 'a directory with data');
  for (const key of ['GNU.sparse.major', 'GNU.sparse.map', 'SCHILY.realsize', 'SUN.holesdata', 'linkpath']) {
    await refused(t, tarball(pax({ [key]: '1' }), header()), 'ERR_BUNDLE_TAR_TYPE', key);
  }
});

t.test('the entry of ./ itself is tolerated, once', async (t) => {
  t.strictSame(names(await readAll(tarball(header({ type: '5', name: './' }), header()))), ['image-kernel']);
  const folder = header({ type: '5', name: './' });
  await refused(t, tarball(folder, folder), 'ERR_BUNDLE_TAR_DUPLICATE', './ twice');
});

t.test('a member that is there twice is refused, however it is spelt', async (t) => {
  const again = [header(), header({ name: './image-kernel' })];
  again.push(Buffer.concat([pax({ path: 'image-kernel' }), header({ name: 'x' })]));
  again.push(Buffer.concat([longName('image-kernel'), header({ name: 'x' })]));
  for (const second of again) {
    await refused(t, tarball(header(), second), 'ERR_BUNDLE_TAR_DUPLICATE', 'twice');
  }
});

t.test('a member has one extension header, and it is followed by its member', async (t) => {
  const one = pax({ mtime: '1' });
  for (const [first, second] of [
    [one, one],
    [one, longName('a')],
    [longName('a'), one],
  ] as const) {
    await refused(t, tarball(first, second, header()), 'ERR_BUNDLE_TAR_HEADER', 'two of them');
  }
  await refused(t, tarball(one), 'ERR_BUNDLE_TAR_HEADER', 'pax at the end');
  await refused(t, tarball(longName('a')), 'ERR_BUNDLE_TAR_HEADER', 'a long name at the end');
  const members = await readAll(tarball(pax({ path: 'a' }), header({ name: 'x' }), header({ name: 'b' })));
  t.strictSame(names(members), ['a', 'b'], 'it speaks about one member only');
});

t.test('a global pax header may say nothing that matters', async (t) => {
  t.strictSame(names(await readAll(tarball(pax({ comment: 'x', mtime: '1' }, 'g'), header()))), [
    'image-kernel',
  ]);
  await refused(t, tarball(pax({ path: 'a' }, 'g'), header()), 'ERR_BUNDLE_TAR_HEADER', 'path');
  await refused(t, tarball(pax({ size: '1' }, 'g'), header()), 'ERR_BUNDLE_TAR_HEADER', 'size');
  await refused(t, tarball(pax({ 'GNU.sparse.name': 'a' }, 'g'), header()), 'ERR_BUNDLE_TAR_TYPE', 'sparse');
});

t.test('a pax size overrides the one of the header', async (t) => {
  const bytes = tarball(pax({ size: '3' }), header({ size: 0 }), Buffer.from('abc'), Buffer.alloc(509));
  t.strictSame((await readAll(bytes))[0]?.data.toString(), 'abc');
  await t.rejects(readAll(tarball(pax({ size: '9007199254740991' }), header())), {
    code: 'ERR_BUNDLE_TAR_LIMIT',
  });
});

t.test('limits hold', async (t) => {
  const many = Array.from({ length: 65 }, (_, i) => header({ name: `m${i}` }));
  t.equal((await readAll(tarball(...many.slice(0, 64)))).length, 64);
  await refused(t, tarball(...many), 'ERR_BUNDLE_TAR_LIMIT', 'members');
  const globals = Array.from({ length: 65 }, () => pax({ comment: 'x' }, 'g'));
  await refused(t, tarball(...globals), 'ERR_BUNDLE_TAR_LIMIT', 'global headers');
  await refused(t, header({ type: 'x', size: 4097 }), 'ERR_BUNDLE_TAR_LIMIT', 'a pax body');
  await refused(t, header({ type: 'L', size: 2 ** 32 }), 'ERR_BUNDLE_TAR_LIMIT', 'a long name');
  const huge = String.fromCharCode(0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 1);
  await refused(t, header({ size: huge }), 'ERR_BUNDLE_TAR_LIMIT', '8 GiB and a byte');
  await t.rejects(readAll(tarball(member('a', 'xyz')), { memberSize: 2 }), { code: 'ERR_BUNDLE_TAR_LIMIT' });
  t.throws(() => new TarReader({ begin() {}, data() {}, finish() {} }, { members: -1 }), {
    code: 'ERR_USAGE_OPTION',
  });
});

t.test('filler must be zero, that of extension headers too', async (t) => {
  const plain = tarball(member('a', 'xyz'));
  const long = tarball(longName('a'), header());
  for (const [bytes, from] of [
    [plain, 515],
    [long, 514],
  ] as const) {
    for (const at of [from, 1023]) {
      const bad = Buffer.from(bytes);
      bad[at] = 1;
      await refused(t, bad, 'ERR_BUNDLE_TAR_PADDING', `byte ${at}`);
    }
  }
});

t.test('the archive ends with two zero blocks and nothing but a bounded number of zeros', async (t) => {
  await refused(
    t,
    tarball(header(), Buffer.alloc(512), header({ name: 'b' })),
    'ERR_BUNDLE_TAR_HEADER',
    'one block',
  );
  await refused(
    t,
    Buffer.concat([header(), Buffer.alloc(512)]),
    'ERR_SOURCE_TRUNCATED',
    'one block at the end',
  );
  await refused(t, Buffer.concat([tarball(header()), Buffer.from([1])]), 'ERR_SOURCE_TRAILING', 'a byte');
  await refused(
    t,
    Buffer.concat([tarball(), Buffer.alloc(512), header()]),
    'ERR_SOURCE_TRAILING',
    'a second archive',
  );
  const zeros = Buffer.alloc(TAR_LIMITS.trailing);
  t.strictSame(await readAll(Buffer.concat([tarball(), zeros])), []);
  await refused(
    t,
    Buffer.concat([tarball(), zeros, Buffer.alloc(1)]),
    'ERR_SOURCE_TRAILING',
    'a zero too many',
  );
});

t.test('a message about a cut tarball says where', async (t) => {
  await t.rejects(readAll(member('image-rofs', Buffer.alloc(600)).subarray(0, 1000)), {
    message: /112 bytes .* image-rofs/,
  });
  await t.rejects(readAll(Buffer.alloc(0)), { message: /empty/ });
});
