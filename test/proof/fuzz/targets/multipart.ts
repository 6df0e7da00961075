import { SluiceError } from '../../../../src/core/errors.js';
import { boundaryOf } from '../../../../src/protocols/http/multipart/boundary.js';
import { MultipartReader } from '../../../../src/protocols/http/multipart/multipart-reader.js';
import { latin1, must, type FuzzTarget } from '../target.js';

interface Part {
  readonly name: string | null;
  readonly isFile: boolean;
  readonly at: number;
  readonly parts: Buffer[];
  ended: boolean;
}

async function read(
  boundary: string,
  pieces: readonly Uint8Array[],
): Promise<{ parts: readonly Part[]; error: SluiceError | null }> {
  const parts: Part[] = [];
  const reader = new MultipartReader(boundary, {
    begin: ({ name, isFile }, at) => {
      must(parts.at(-1)?.ended !== false, 'a part begins in another one');
      parts.push({ name, isFile, at, parts: [], ended: false });
    },
    body: (bytes) => {
      must(bytes.length > 0, 'a body of nothing');
      parts.at(-1)?.parts.push(Buffer.from(bytes));
    },
    end: () => {
      (parts.at(-1) as Part).ended = true;
    },
  });
  try {
    for (const piece of pieces) await reader.write(piece);
    reader.end();
    return { parts, error: null };
  } catch (thrown) {
    if (thrown instanceof SluiceError) return { parts, error: thrown };
    throw thrown;
  }
}

const shown = (parts: readonly Part[]): string =>
  JSON.stringify(
    parts.map(({ name, isFile, at, parts: bytes }) => [
      name,
      isFile,
      at,
      Buffer.concat(bytes).toString('latin1'),
    ]),
  );

const form = (boundary: string, ...parts: readonly (readonly [string, string])[]): Buffer =>
  latin1(
    `multipart/form-data; boundary=${boundary}\n${parts.map(([head, body]) => `--${boundary.replaceAll('"', '')}\r\n${head}\r\n\r\n${body}\r\n`).join('')}--${boundary.replaceAll('"', '')}--\r\n`,
  );

const disposition = 'Content-Disposition: form-data; name="file"; filename="x.tar"';

/** The first line is the Content-Type, the rest the body. */
export const multipart: FuzzTarget = {
  name: 'multipart',
  codes: ['ERR_SOURCE_MULTIPART'],
  seeds: [
    form(
      'b',
      [disposition, 'bytes\r\n-\r\n--\r\n--bo'],
      ['Content-Disposition: form-data; name=only', 'kernel'],
    ),
    form('"a b"', [
      `${disposition}\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: binary`,
      '',
    ]),
    form('----WebKitFormBoundaryA1', [
      'content-disposition:form-data;name="a\\"b";filename*=utf-8\'\'x',
      '\r\r\n',
    ]),
    latin1('Multipart/Form-Data ; boundary="x"; charset=utf-8\n--x--\r\n'),
  ],
  dictionary: [
    '\r\n--b',
    '--b--',
    '--b\r\n',
    '\r\n\r\n',
    'Content-Disposition: form-data; name="x"\r\n',
    'filename=',
    '; boundary=',
    '\r',
    '--',
  ],
  run: async (bytes, random) => {
    const line = bytes.indexOf(0x0a);
    const boundary = boundaryOf(bytes.toString('latin1', 0, Math.max(0, line)));
    must(boundary.length <= 70 && !/[\r\n]/.test(boundary), 'an odd boundary');
    const body = bytes.subarray(line + 1);
    const whole = await read(boundary, [body]);
    const split = random.below(2) > 0 ? whole : await read(boundary, random.pieces(body, 12));
    must((whole.error === null) === (split.error === null), 'the verdict depends on the split');
    if (whole.error !== null) throw whole.error;
    must(shown(whole.parts) === shown(split.parts), 'the parts depend on the split');
    const delimiter = `\r\n--${boundary}`;
    for (const { at, parts } of whole.parts) {
      const content = Buffer.concat(parts).toString('latin1');
      must(
        body.toString('latin1', at, at + content.length) === content,
        'bytes that are not those of the body',
      );
      must(
        body.toString('latin1').startsWith(delimiter, at + content.length),
        'a part that ends before its boundary',
      );
      must(!`${content}\r\n--${boundary}`.slice(0, -1).includes(delimiter), 'a boundary within a part');
    }
    return `${whole.parts.length} ${whole.parts.map(({ isFile }) => (isFile ? 'f' : '-')).join('')}`;
  },
};
