import * as fc from 'fast-check';
import t from 'tap';
import { boundaryOf } from '../../../../../src/protocols/http/multipart/boundary.js';
import { MultipartReader } from '../../../../../src/protocols/http/multipart/multipart-reader.js';
import type { PartHead } from '../../../../../src/protocols/http/multipart/part-head.js';

interface Part {
  readonly head: PartHead;
  readonly body: Buffer;
  readonly whole: boolean;
}

/** Reads `body` cut at `cuts`; each piece is overwritten when it was taken, as a socket's buffer may be. */
async function read(boundary: string, body: Buffer, cuts: readonly number[] = []): Promise<Part[]> {
  const parts: { head: PartHead; pieces: Buffer[]; whole: boolean }[] = [];
  const reader = new MultipartReader(boundary, {
    begin: (head) => void parts.push({ head, pieces: [], whole: false }),
    body: async (bytes) => {
      await Promise.resolve();
      parts.at(-1)?.pieces.push(Buffer.from(bytes));
    },
    end: () => {
      const last = parts.at(-1);
      if (last !== undefined) last.whole = true;
    },
  });
  const places = [0, ...[...cuts].sort((a, b) => a - b), body.length];
  for (const [at, from] of places.slice(0, -1).entries()) {
    const piece = Buffer.from(body.subarray(from, places[at + 1]));
    await reader.write(piece);
    piece.fill(0x2d);
  }
  reader.end();
  return parts.map(({ head, pieces, whole }) => ({ head, body: Buffer.concat(pieces), whole }));
}

const form = (
  boundary: string,
  ...parts: readonly (readonly [head: string, body: string | Buffer])[]
): Buffer =>
  Buffer.concat([
    ...parts.flatMap(([head, body]) => [
      Buffer.from(`--${boundary}\r\n${head}\r\n\r\n`),
      Buffer.from(body as string),
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ]);

const named = (name: string, rest = ''): string => `Content-Disposition: form-data; name="${name}"${rest}`;

t.test('a body reads the same at every single split and at every pair of splits', async (t) => {
  const tricky = Buffer.from('\r\n--b\r\r\n-\r\n--bOund\r\n--boun\r');
  const body = form('bound', [named('a'), 'x'], [named('f', '; filename="t.tar"'), tricky], [named('e'), '']);
  const expected = [
    { head: { name: 'a', isFile: false }, body: Buffer.from('x'), whole: true },
    { head: { name: 'f', isFile: true }, body: tricky, whole: true },
    { head: { name: 'e', isFile: false }, body: Buffer.alloc(0), whole: true },
  ];
  t.strictSame(await read('bound', body), expected);
  let reads = 0;
  for (let first = 0; first <= body.length; first++) {
    for (let second = first; second <= body.length; second++) {
      same(await read('bound', body, [first, second]), expected);
      reads++;
    }
  }
  t.ok(reads > 5000, `${reads} ways`);
  t.strictSame(await read('bound', body, [...body.keys()]), expected, 'byte by byte');
});

function same(found: readonly Part[], expected: readonly Part[]): void {
  if (found.length !== expected.length) throw new Error(`${found.length} parts`);
  for (const [at, part] of expected.entries()) {
    const other = found[at] as Part;
    if (!other.body.equals(part.body) || other.head.name !== part.head.name || !other.whole) {
      throw new Error(`part ${at}: ${other.body.toString('latin1')}`);
    }
  }
}

t.test('any parts come out as they went in, however the body is split', async () => {
  // Of few symbols, so that pieces of boundaries are frequent.
  const symbol = fc.constantFrom('\r', '\n', '-', '-', 'b', 'c', 'x');
  const text = fc.array(symbol, { maxLength: 40 }).map((letters) => letters.join(''));
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom('b', 'bb', 'bcb', '-b', '--'),
      fc.array(text, { maxLength: 5 }),
      fc.array(fc.nat(400), { maxLength: 12 }),
      async (boundary, texts, cuts) => {
        fc.pre(texts.every((text) => !`\r\n${text}\r\n`.includes(`\r\n--${boundary}`)));
        const body = form(boundary, ...texts.map((text, at) => [named(`n${at}`), text] as const));
        const found = await read(
          boundary,
          body,
          cuts.filter((cut) => cut <= body.length),
        );
        same(
          found,
          texts.map((text, at) => ({
            head: { name: `n${at}`, isFile: false },
            body: Buffer.from(text),
            whole: true,
          })),
        );
      },
    ),
    { numRuns: 700 },
  );
});

t.test('a body cut anywhere is not taken for a whole one', async (t) => {
  const body = form('b', [named('a'), 'some bytes'], [named('c'), 'more']);
  const last = body.length - 2;
  for (let end = 0; end < last; end++) {
    await t.rejects(read('b', body.subarray(0, end), [end >> 1]), { code: 'ERR_SOURCE_MULTIPART' }, `${end}`);
  }
  await t.resolves(read('b', body.subarray(0, last)), 'the last line break may be missing');
});

t.test('rubbish ends in an error, never in a hang or another kind of error', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      fc.array(fc.nat(400), { maxLength: 4 }),
      fc.nat(200),
      async (noise, cuts, at) => {
        const good = form('b', [named('a'), 'some bytes'], [named('c', '; filename="x"'), 'more']);
        const body = Buffer.concat([good.subarray(0, at), noise, good.subarray(at)]);
        try {
          await read(
            'b',
            body,
            cuts.filter((cut) => cut <= body.length),
          );
        } catch (thrown) {
          if ((thrown as { code?: string }).code !== 'ERR_SOURCE_MULTIPART') throw thrown;
        }
      },
    ),
    { numRuns: 500 },
  );
});

t.test('what is not a form is refused', async (t) => {
  const cases: Record<string, string> = {
    'text before the first boundary': `preamble\r\n${form('b', [named('a'), 'x']).toString()}`,
    'a line break before the first boundary': `\r\n${form('b', [named('a'), 'x']).toString()}`,
    'another boundary': form('c', [named('a'), 'x']).toString(),
    'text behind the last boundary': `${form('b', [named('a'), 'x']).toString()}more`,
    'two line breaks behind the last boundary': `${form('b', [named('a'), 'x']).toString()}\r\n`,
    'text on the line of a boundary': `--bx\r\n${named('a')}\r\n\r\nx\r\n--b--\r\n`,
    'a boundary with one dash': `--b\r\n${named('a')}\r\n\r\nx\r\n--b-\r\n`,
    'a line feed alone behind a boundary': `--b\n${named('a')}\r\n\r\nx\r\n--b--\r\n`,
    'a part without a head': '--b\r\n\r\nx\r\n--b--\r\n',
    'a part without Content-Disposition': form('b', ['Content-Type: text/plain', 'x']).toString(),
    'two Content-Dispositions': form('b', [`${named('a')}\r\n${named('b')}`, 'x']).toString(),
    'an attachment': form('b', ['Content-Disposition: attachment; name="a"', 'x']).toString(),
    'a name twice': form('b', ['Content-Disposition: form-data; name=a; name=b', 'x']).toString(),
    'a parameter without a value': form('b', ['Content-Disposition: form-data; name', 'x']).toString(),
    'a header without a colon': form('b', ['Content-Disposition form-data', 'x']).toString(),
    'a folded header': form('b', ['Content-Disposition: form-data;\r\n name=a', 'x']).toString(),
    base64: form('b', [`${named('a')}\r\nContent-Transfer-Encoding: base64`, 'eA==']).toString(),
    'a head of 2 KiB': form('b', [named('a'.repeat(2048)), 'x']).toString(),
    'a head without an end': `--b\r\n${'x'.repeat(5000)}`,
    '17 parts': form(
      'b',
      ...Array.from({ length: 17 }, (_, at) => [named(`n${at}`), 'x'] as const),
    ).toString(),
    'endless blanks behind a boundary': `--b${' '.repeat(1000)}`,
  };
  for (const [what, body] of Object.entries(cases)) {
    await t.rejects(read('b', Buffer.from(body, 'latin1')), { code: 'ERR_SOURCE_MULTIPART' }, what);
  }
});

t.test('a head is read as clients write it', async (t) => {
  const heads: readonly (readonly [string, PartHead])[] = [
    ['Content-Disposition: form-data; name="a"', { name: 'a', isFile: false }],
    ['content-disposition:form-data;name=a;filename=x.tar', { name: 'a', isFile: true }],
    [
      'Content-Disposition: form-data; name="a\\"b"; filename="C:\\\\x; name=y"',
      { name: 'a"b', isFile: true },
    ],
    ['Content-Disposition: form-data; name="a"; filename*=UTF-8\'\'x.tar', { name: 'a', isFile: true }],
    ['Content-Type: text/plain\r\nContent-Disposition: form-data; name="Ä"', { name: 'Ä', isFile: false }],
    ['Content-Disposition: form-data', { name: null, isFile: false }],
    ['Content-Disposition: form-data; name="a";', { name: 'a', isFile: false }],
    ['Content-Disposition: form-data; name=""', { name: '', isFile: false }],
  ];
  for (const [head, expected] of heads) {
    const [part] = await read('b', form('b', [head, 'x']));
    t.strictSame(part?.head, expected, head);
  }
});

t.test('the boundary of a Content-Type', (t) => {
  const good: Record<string, string> = {
    'multipart/form-data; boundary=abc': 'abc',
    'Multipart/Form-Data;BOUNDARY="a b:c"': 'a b:c',
    'multipart/form-data; charset=utf-8; boundary=--x': '--x',
    'multipart/form-data; boundary="a\\\'b"': "a'b",
    [`multipart/form-data; boundary=${'x'.repeat(70)}`]: 'x'.repeat(70),
  };
  for (const [type, boundary] of Object.entries(good)) t.equal(boundaryOf(type), boundary, type);
  const bad = [
    'multipart/mixed; boundary=abc',
    'multipart/form-data',
    'multipart/form-data; boundary=',
    'multipart/form-data; boundary=""',
    'multipart/form-data; boundary="abc ',
    'multipart/form-data; boundary="abc "',
    'multipart/form-data; boundary=a; boundary=b',
    'multipart/form-data; boundary="a\rb"',
    'multipart/form-data-x; boundary=a',
    `multipart/form-data; boundary=${'x'.repeat(71)}`,
  ];
  for (const type of bad) t.throws(() => boundaryOf(type), { code: 'ERR_SOURCE_MULTIPART' }, type);
  t.end();
});

t.test(
  'the bulk of a file is handed on as slices of what came, and while it is taken nothing more is',
  async (t) => {
    const slices: Uint8Array[] = [];
    let busy = 0;
    const reader = new MultipartReader('b', {
      begin: () => {},
      body: async (bytes) => {
        t.equal(busy++, 0);
        slices.push(bytes);
        await new Promise(setImmediate);
        busy--;
      },
      end: () => {},
    });
    await reader.write(Buffer.from(`--b\r\n${named('f')}\r\n\r\n`));
    const bulk = Buffer.alloc(65_536, 7);
    await reader.write(bulk);
    await reader.write(bulk);
    t.strictSame(
      slices.map((slice) => [slice.buffer === bulk.buffer, slice.length]),
      [
        [true, 65_536],
        [true, 65_536],
      ],
    );
  },
);
