/** Lengths that no file has: 2^31, 2^32, 2^53, negative, NaN; wherever a sender can write a number. */
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { setTimeout } from 'node:timers/promises';
import t, { type Test } from 'tap';
import { HttpSource } from '../../src/host/node/sources/http-source.js';
import { NUMBERS } from '../proof/fuzz/mutate.js';
import { RawClient } from '../kit/serve-bundles.js';
import { startService } from '../kit/serve-kit.js';
import { OLD } from '../system/board.js';
import { header } from '../kit/tar-maker.js';
import { boardOf, good, KERNEL, refuseAll, tarball, withIndex, type Attack } from './kit.js';

/** A size in base-256: 11 bytes behind the first one, which carries the sign. */
function binary(value: bigint): string {
  const field = Buffer.from(BigInt.asUintN(96, value).toString(16).padStart(24, '0'), 'hex');
  field[0] = (field[0] as number) | 0x80;
  return field.toString('latin1');
}

const octal = (value: bigint): string => `${value.toString(8).padStart(11, '0')}\0`;

t.test('sizes in tar headers, in octal and in base-256', async (t) => {
  const board = await boardOf(t);
  const before = tarball(good()).subarray(0, 0);
  const at = (what: string, size: string, name: string, ...codes: Attack[2][]): Attack => [
    what,
    Buffer.concat([before, header({ name, size }), Buffer.alloc(4096, 'x')]),
    ...codes,
  ];
  const small = ['ERR_BUNDLE_MEMBER_SIZE', 'ERR_BUNDLE_TAR_LIMIT', 'ERR_BUNDLE_TAR_NUMBER'] as const;
  await refuseAll(t, board, [
    at('octal 2^31', octal(2n ** 31n), 'MANIFEST', ...small),
    at('octal 2^33 - 1', octal(2n ** 33n - 1n), 'image-kernel', 'ERR_BUNDLE_TOO_BIG', 'ERR_TRUST_NOT_AHEAD'),
    at('base-256 2^32', binary(2n ** 32n), 'publickey', ...small),
    at('base-256 2^32 + 9, which 32 bits take for 9', binary(2n ** 32n + 9n), 'MANIFEST', ...small),
    at('base-256 2^53', binary(2n ** 53n), 'MANIFEST', 'ERR_BUNDLE_TAR_NUMBER'),
    at('base-256 2^64 + 9', binary(2n ** 64n + 9n), 'MANIFEST', 'ERR_BUNDLE_TAR_NUMBER'),
    at('base-256 -1', binary(-1n), 'MANIFEST', 'ERR_BUNDLE_TAR_NUMBER'),
    at(
      'base-256 -512, which goes back to its own header',
      binary(-512n),
      'MANIFEST',
      'ERR_BUNDLE_TAR_NUMBER',
    ),
    at('-1 as text', '-0000000001\0', 'MANIFEST', 'ERR_BUNDLE_TAR_NUMBER'),
    at('no number', 'NaN        \0', 'MANIFEST', 'ERR_BUNDLE_TAR_NUMBER'),
  ]);
});

t.test('numbers of BLOCKS that somebody has signed', async (t) => {
  const board = await boardOf(t);
  const lie = (from: string, to: string): Buffer => tarball(withIndex((text) => text.replace(from, to)));
  const attacks = ['2147483648', '4294967296', '9007199254740992', '-1', 'NaN', '1e5', '0x10000'].flatMap(
    (number): Attack[] => [
      [`size ${number}`, lie(`size ${KERNEL.length}`, `size ${number}`), 'ERR_BUNDLE_BLOCKS'],
      [`block ${number}`, lie('block 65536', `block ${number}`), 'ERR_BUNDLE_BLOCKS'],
    ],
  );
  // One of each at the level of the program; test/proof/fuzz has the rest.
  await refuseAll(
    t,
    board,
    attacks.filter((_, place) => place % 3 === 0),
  );
});

t.test('numbers in requests: Content-Length, Upload-Offset, Content-Range, limit, JSON', async (t) => {
  const service = await startService(t);
  const { port, token } = service;
  const may = `Host: a\r\nAuthorization: Bearer ${token}\r\n`;
  const answer = async (text: string): Promise<string> => {
    const client = new RawClient(port);
    await client.send(text);
    await Promise.race([client.ended(), setTimeout(1500)]);
    client.socket.destroy();
    return client.text;
  };
  for (const number of ['-1', 'NaN', '1e3', '0x10', '+5', '18446744073709551616', '9'.repeat(26), '']) {
    t.match(
      await answer(`PUT /v1/update HTTP/1.1\r\n${may}Content-Length: ${number}\r\n\r\nx`),
      /^HTTP\/1\.1 4\d\d /,
      `Content-Length ${number}`,
    );
  }
  for (const number of ['2147483648', '4294967296', '9007199254740993', '9223372036854775807']) {
    // What it says may be true; what comes is no bundle, and is refused as soon as it is seen.
    const said = await answer(
      `PUT /v1/update HTTP/1.1\r\n${may}Content-Length: ${number}\r\n\r\n${'x'.repeat(2048)}`,
    );
    t.match(said, /^HTTP\/1\.1 (?:400|413|422|507) /, `Content-Length ${number}: ${said.slice(0, 30)}`);
  }
  for (const number of NUMBERS.filter((it) => !/^[1-9]\d{0,14}$/.test(it))) {
    const { status } = await service.request(`/v1/receipts?limit=${encodeURIComponent(number)}`);
    t.equal(status, 400, `limit=${number}`);
  }
  for (const number of ['-1', 'NaN', '9007199254740993']) {
    const headers = { 'upload-offset': number, 'content-range': `bytes ${number}-${number}/${number}` };
    const { status } = await service.request('/v1/update/abcdefghijklmnop', {
      method: 'PATCH',
      headers,
      body: 'x',
    });
    t.equal(status, 409, `Upload-Offset ${number}`);
  }
  const simple = '/redfish/v1/UpdateService/Actions/UpdateService.SimpleUpdate';
  for (const json of [
    '{"ImageURI":1e999}',
    '{"Targets":[9007199254740993],"ImageURI":"http://a/"}',
    '-0',
    '2147483648',
    'NaN',
  ]) {
    t.equal((await service.request(simple, { method: 'POST', body: json })).status, 400, json);
  }
  t.ok(service.board.bytes().equals(OLD), 'nothing was written');
  t.match((await service.request('/v1/status')).json, { job: null }, 'and nobody has the flash');
});

t.test('numbers on the command line', async (t) => {
  const board = await boardOf(t);
  for (const number of ['-1', 'NaN', '1e3', '9007199254740992', '99999999999999999999']) {
    const run = await board.write('-', ['--json', `--min-security-version=${number}`], {
      input: tarball(good()),
    });
    t.match(run.json, { code: /^ERR_(?:USAGE_OPTION|TRUST_SECURITY_VERSION)$/ }, number);
  }
  t.ok(board.bytes().equals(OLD));
});

t.test('a server that lies about the length of what it gives', async (t) => {
  const given = async (t: Test, head: string): Promise<unknown> => {
    const server = createServer((socket) => {
      socket.on('error', () => {});
      socket.once('data', () => socket.end(`HTTP/1.1 200 OK\r\n${head}\r\n\r\nabc`));
    });
    t.teardown(() => void server.close());
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    return HttpSource.open(`http://127.0.0.1:${port}/x`, { silence: 2000 })
      .pump(async () => {})
      .then(
        () => null,
        (thrown: { code?: string }) => thrown.code,
      );
  };
  for (const length of ['4', '-1', 'NaN', '4294967299', '9007199254740993', '18446744073709551619']) {
    t.equal(await given(t, `Content-Length: ${length}`), 'ERR_SOURCE_HTTP', `Content-Length: ${length}`);
  }
  t.equal(
    await given(t, 'Content-Length: 3\r\nContent-Range: bytes 5-9/9007199254740993'),
    null,
    'what it was not asked for it is not heard for',
  );
});
