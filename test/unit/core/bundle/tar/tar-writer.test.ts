import t from 'tap';
import * as fc from 'fast-check';
import { tarEnd, tarHeader, tarPadding } from '../../../../../src/core/bundle/tar/tar-writer.js';
import { header, readAll } from '../../../../kit/tar-maker.js';

t.test('a header is plain ustar, field by field', (t) => {
  const block = Buffer.from(tarHeader('image-kernel', 1234));
  const expected = header({ name: 'image-kernel', size: 1234 });
  expected.write('0000000\x000000000\0', 329, 'latin1');
  expected.fill(0x20, 148, 156);
  const sum = expected.reduce((total, byte) => total + byte, 0);
  expected.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  t.strictSame(block, expected);
  t.end();
});

t.test('what is written is read back, and the archive has whole records', async (t) => {
  const members = fc.uniqueArray(
    fc.tuple(fc.stringMatching(/^[A-Za-z0-9_-]{1,100}$/), fc.uint8Array({ maxLength: 2000 })),
    { selector: ([name]) => name, maxLength: 30 },
  );
  await fc.assert(
    fc.asyncProperty(members, async (members) => {
      const parts = members.flatMap(([name, data]) => [
        tarHeader(name, data.length),
        data,
        tarPadding(data.length),
      ]);
      const body = Buffer.concat(parts);
      const whole = Buffer.concat([body, tarEnd(body.length)]);
      t.equal(whole.length % 10_240, 0);
      t.ok(whole.length - body.length >= 1024 && whole.length - body.length < 1024 + 10_240);
      const read = (await readAll(whole)).map(({ name, data }) => [name, Uint8Array.from(data)]);
      t.strictSame(read, members);
    }),
  );
});

t.test('what a header cannot say is refused', (t) => {
  for (const size of [-1, 1.5, 2 ** 33, Number.NaN]) {
    t.throws(() => tarHeader('a', size), { code: 'ERR_BUNDLE_TAR_NUMBER' }, String(size));
  }
  t.equal(Buffer.from(tarHeader('a', 2 ** 33 - 1)).toString('latin1', 124, 136), '77777777777\0');
  for (const name of ['', 'a/b', 'n'.repeat(101), 'caf\xe9']) {
    t.throws(() => tarHeader(name, 1), { code: 'ERR_BUNDLE_TAR_NAME' }, name);
  }
  t.end();
});
