import { createHash, randomBytes } from 'node:crypto';
import { crc32, deflateRawSync, gzipSync } from 'node:zlib';
import t from 'tap';
import { crc32 as crc32InScript } from '../../../../src/core/crc32.js';
import { loadFingerprint } from '../../../../src/host/node/crypto/fingerprint.js';
import { nodePlatform } from '../../../../src/host/node/platform.js';
import type { ByteSink } from '../../../../src/core/platform.js';

const platform = await nodePlatform();
const sha = (name: string, bytes: Uint8Array): Buffer => createHash(name).update(bytes).digest();

t.test('a digest is that of the bytes, whatever their number and wherever they lie', async (t) => {
  for (const size of [0, 1, 16 * 1024 - 1, 16 * 1024, 65_536, 131_072]) {
    const bytes = randomBytes(size);
    const window = randomBytes(size + 7).subarray(3, size + 3);
    t.strictSame(Buffer.from(await platform.digest(bytes)), sha('sha256', bytes), `${size} bytes`);
    t.strictSame(
      Buffer.from(await platform.digest(window)),
      sha('sha256', window),
      'a part of a larger buffer',
    );
  }
  for (const name of ['sha256', 'sha384', 'sha512'] as const) {
    const hasher = platform.hasher(name);
    hasher.update(Buffer.from('a'));
    hasher.update(Buffer.from('bc'));
    t.strictSame(Buffer.from(hasher.digest()), sha(name, Buffer.from('abc')));
  }
});

t.test('equal compares bytes and lengths', async (t) => {
  const bytes = randomBytes(100);
  t.equal(platform.equal(bytes, Uint8Array.from(bytes)), true);
  t.equal(platform.equal(bytes, bytes.subarray(1)), false);
  bytes[99] = 0;
  const other = Uint8Array.from(bytes);
  other[99] = 1;
  t.equal(platform.equal(bytes, other), false);
});

t.test('a fingerprint depends on every slice of a block, whichever way it is made', async (t) => {
  const wasm = globalThis as { WebAssembly?: unknown };
  const kept = wasm.WebAssembly;
  delete wasm.WebAssembly;
  const bare = await loadFingerprint();
  wasm.WebAssembly = kept;
  t.not(
    platform.fingerprint(Buffer.from('x')),
    bare(Buffer.from('x')),
    'the two are really different functions',
  );
  const small = await loadFingerprint(true);
  // The check value of CRC-32, in both halves.
  if (crc32 !== undefined) t.equal(small(Buffer.from('123456789123456789')), 0xcbf43926cbf43926n);
  for (const fingerprint of [platform.fingerprint, bare, small]) {
    const bytes = randomBytes(200_000);
    const seen = new Set([fingerprint(bytes)]);
    t.equal(fingerprint(Uint8Array.from(bytes)), [...seen][0], 'same bytes, same fingerprint');
    for (const at of [0, 65_535, 65_536, 131_071, 131_072, 199_999]) {
      bytes[at] = bytes[at]! ^ 1;
      seen.add(fingerprint(bytes));
    }
    seen.add(fingerprint(bytes.subarray(0, 131_072)));
    t.equal(seen.size, 8);
  }
});

t.test('the clock goes on and the peak is that of a process', async (t) => {
  const before = platform.now();
  t.ok(platform.now() >= before);
  t.ok(platform.peakRss() > 10 * 1024 * 1024);
  t.ok(platform.peakRss() < 8 * 1024 * 1024 * 1024);
});

t.test('CRC-32 in script is the one of zlib', { skip: crc32 === undefined }, async (t) => {
  const bytes = randomBytes(1000);
  t.equal(crc32InScript(Buffer.from('123456789')), 0xcbf43926);
  t.equal(crc32InScript(bytes.subarray(400), crc32InScript(bytes.subarray(0, 400))), crc32(bytes));
});

class Collector implements ByteSink {
  readonly pieces: Buffer[] = [];
  ended = 0;
  async write(bytes: Uint8Array): Promise<void> {
    this.pieces.push(Buffer.from(bytes));
  }
  async end(): Promise<void> {
    this.ended++;
  }
  get bytes(): Buffer {
    return Buffer.concat(this.pieces);
  }
}

async function gunzip(parts: readonly Uint8Array[], sink: ByteSink = new Collector()): Promise<void> {
  const gunzip = await platform.gunzip!(sink);
  for (const part of parts) await gunzip.write(part);
  await gunzip.end();
}

const cut = (bytes: Uint8Array, size: number): Uint8Array[] =>
  Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) => bytes.subarray(i * size, (i + 1) * size));

const CONTENTS = Buffer.concat([randomBytes(30_000), Buffer.alloc(300_000, 'abc'), randomBytes(10)]);
const SMALL = gzipSync('small');

t.test('gzip is the same in whatever pieces it comes', async (t) => {
  const whole = gzipSync(CONTENTS);
  for (const size of [7, 1000, 65_536, 1e9]) {
    const sink = new Collector();
    await gunzip(cut(whole, size), sink);
    t.ok(sink.bytes.equals(CONTENTS), `pieces of ${size}`);
    t.equal(sink.ended, 1);
    t.ok(sink.pieces.every((piece) => piece.length <= 128 * 1024));
  }
  for (const contents of ['', 'small', 'a'.repeat(65_536), 'b'.repeat(131_072)]) {
    const sink = new Collector();
    await gunzip(cut(gzipSync(contents), 1), sink);
    t.equal(sink.bytes.toString(), contents, 'one byte at a time');
  }
});

t.test('every optional field of the header is passed over', async (t) => {
  const body = deflateRawSync('small');
  const fields: [number, Buffer][] = [
    [0x04, Buffer.from([3, 0, 1, 2, 3])],
    [0x08, Buffer.from('name\0')],
    [0x10, Buffer.from('comment\0')],
    [0x02, Buffer.from([0, 0])],
  ];
  for (let mask = 0; mask < 16; mask++) {
    const chosen = fields.filter((_, i) => (mask & (1 << i)) !== 0);
    const flags = chosen.reduce((sum, [flag]) => sum | flag, 0);
    const order = [0x04, 0x08, 0x10, 0x02].flatMap((flag) => chosen.filter(([other]) => other === flag));
    const header = Buffer.concat([
      Buffer.from([0x1f, 0x8b, 8, flags, 0, 0, 0, 0, 0, 3]),
      ...order.map(([, bytes]) => bytes),
    ]);
    const stream = Buffer.concat([header, body, SMALL.subarray(-8)]);
    for (const size of [1, 1e9]) {
      const sink = new Collector();
      await gunzip(cut(stream, size), sink);
      t.equal(sink.bytes.toString(), 'small');
    }
  }
});

t.test('members one after the other, and zeros behind the last one, are taken', async (t) => {
  const parts = ['one ', 'two ', '', 'three'].map((text) => gzipSync(text));
  for (const zeros of [0, 1, 5000]) {
    const stream = Buffer.concat([...parts, Buffer.alloc(zeros)]);
    for (const size of [1, 7, (parts[0] as Buffer).length, 1e9]) {
      const sink = new Collector();
      await gunzip(cut(stream, size), sink);
      t.equal(sink.bytes.toString(), 'one two three', `${zeros} zeros, pieces of ${size}`);
      t.equal(sink.ended, 1);
    }
  }
  const [first, second] = parts as [Buffer, Buffer];
  for (let length = first.length + 1; length < first.length + second.length; length++) {
    const cutOff = [Buffer.concat([first, second]).subarray(0, length)];
    await t.rejects(gunzip(cutOff), { code: 'ERR_SOURCE_TRUNCATED' }, `${length} bytes`);
  }
  const wrong = Buffer.concat([first, second]);
  wrong[wrong.length - 6]! ^= 1;
  await t.rejects(gunzip([wrong]), { code: 'ERR_SOURCE_GZIP' }, 'the checksum of the second member');
  const empty = Array.from({ length: 5000 }, () => gzipSync(''));
  await t.rejects(gunzip(empty), { code: 'ERR_SOURCE_GZIP', message: /too many empty/ });
});

t.test('a gzip stream that is cut, damaged or followed by anything is refused', async (t) => {
  const change = (at: number, value: number): Buffer => {
    const copy = Buffer.from(SMALL);
    copy[at] = value;
    return copy;
  };
  for (let length = 0; length < SMALL.length; length++) {
    const sink = new Collector();
    await t.rejects(
      gunzip([SMALL.subarray(0, length)], sink),
      { code: 'ERR_SOURCE_TRUNCATED' },
      `${length} bytes`,
    );
    t.equal(sink.ended, 0, 'the end is not passed on');
  }
  const damaged: [string, Buffer][] = [
    ['no magic', change(0, 0)],
    ['another method', change(2, 7)],
    ['unknown flags', change(3, 0x20)],
    ['a wrong block type', change(10, 0xff)],
    ['a wrong CRC', change(SMALL.length - 5, SMALL.at(-5)! ^ 1)],
    ['a wrong length', change(SMALL.length - 1, 1)],
    [
      'an endless name',
      Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]), Buffer.alloc(5000, 'n')]),
    ],
  ];
  for (const [what, bytes] of damaged) {
    for (const size of [1, 1e9]) await t.rejects(gunzip(cut(bytes, size)), { code: 'ERR_SOURCE_GZIP' }, what);
  }
  const zeros = Buffer.alloc(512);
  const trailers = [
    Buffer.from('x'),
    Buffer.concat([zeros, Buffer.from('x')]),
    Buffer.concat([zeros, SMALL]),
  ];
  for (const trailer of trailers) {
    const bytes = Buffer.concat([SMALL, trailer]);
    for (const size of [1, SMALL.length, 1e9]) {
      await t.rejects(gunzip(cut(bytes, size)), { code: 'ERR_SOURCE_TRAILING' });
    }
  }
  const endless = Buffer.concat([SMALL, Buffer.alloc(1024 * 1024 + 1)]);
  await t.rejects(gunzip(cut(endless, 65_536)), { code: 'ERR_SOURCE_TRAILING' }, 'zeros without end');
});

t.test(
  'a write resolves when the sink has taken all that came of it, and holds little meanwhile',
  async (t) => {
    let open: (() => void) | null = null;
    let inSink = 0;
    let taken = 0;
    let most = 0;
    const slow: ByteSink = {
      async write(bytes) {
        inSink++;
        most = Math.max(most, inSink);
        await new Promise<void>((resolve) => {
          open = resolve;
        });
        taken += bytes.length;
        inSink--;
      },
      async end() {},
    };
    const size = 4 * 1024 * 1024;
    const gunzip = await platform.gunzip!(slow);
    const state = { resolved: false };
    // A bomb: megabytes in a few kilobytes.
    const writing = (async () => {
      await gunzip.write(gzipSync(Buffer.alloc(size)));
      state.resolved = true;
    })();
    let rounds = 0;
    while (!state.resolved) {
      await new Promise((resolve) => setImmediate(resolve));
      if (open === null) continue;
      if (++rounds === 3) {
        // Nobody takes anything: nothing more must come, and the write must wait.
        for (let i = 0; i < 20; i++) await new Promise((resolve) => setImmediate(resolve));
        t.equal(state.resolved, false);
        t.ok(taken <= 2 * 128 * 1024, `${taken} bytes taken`);
      }
      const next: () => void = open;
      open = null;
      next();
    }
    await writing;
    t.equal(taken, size);
    t.equal(most, 1, 'one write at a time');
    await gunzip.end();
  },
);

t.test('a failure of the sink comes through as it is, and stays', async (t) => {
  const failure = new Error('flash');
  const sink: ByteSink = { write: () => Promise.reject(failure), end: async () => {} };
  const gunzip = await platform.gunzip!(sink);
  await t.rejects(gunzip.write(SMALL), failure);
  await t.rejects(gunzip.write(SMALL), failure);
  await t.rejects(gunzip.end(), failure);
  const ended = await platform.gunzip!(new Collector());
  await ended.write(SMALL);
  await ended.end();
  await t.rejects(ended.write(SMALL), { code: 'ERR_SESSION_STATE' });
});
