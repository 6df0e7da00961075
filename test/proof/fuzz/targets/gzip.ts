import zlib from 'node:zlib';
import { Gunzip } from '../../../../src/host/node/gunzip/gunzip.js';
import { SluiceError } from '../../../../src/core/errors.js';
import { DecodeChain } from '../../../../src/core/bundle/decode/decode-chain.js';
import type { Platform } from '../../../../src/core/platform.js';
import { latin1, must, type FuzzTarget } from '../target.js';

/** More than any input here can honestly grow to is not kept. */
const MOST = 1024 * 1024;

async function unpack(pieces: readonly Uint8Array[]): Promise<Buffer | SluiceError> {
  const parts: Buffer[] = [];
  let size = 0;
  const sink = {
    write: async (bytes: Uint8Array): Promise<void> => {
      must(bytes.length <= 64 * 1024, 'a piece of more than 64 KiB');
      size += bytes.length;
      if (size <= MOST) parts.push(Buffer.from(bytes));
    },
    end: async (): Promise<void> => {},
  };
  const platform = { gunzip: async (to: typeof sink) => new Gunzip(to) } as unknown as Platform;
  const front = new DecodeChain(platform, sink);
  try {
    for (const piece of pieces) await front.write(piece);
    await front.end();
  } catch (thrown) {
    if (thrown instanceof SluiceError) return thrown;
    throw thrown;
  }
  return Buffer.concat(parts);
}

/** All optional fields of the header. */
const fields = (data: Uint8Array): Buffer =>
  Buffer.concat([
    Buffer.from([0x1f, 0x8b, 8, 0x1c, 0, 0, 0, 0, 0, 3, 4, 0]),
    latin1('extrname\0comment\0'),
    data.subarray(10),
  ]);

const text = latin1('a plain text that is repeated, a plain text that is repeated');
const packed = zlib.gzipSync(text);

export const gzip: FuzzTarget = {
  name: 'gzip',
  codes: ['ERR_SOURCE_GZIP', 'ERR_SOURCE_TRUNCATED', 'ERR_SOURCE_TRAILING'],
  seeds: [
    packed,
    fields(packed),
    zlib.gzipSync(text, { level: 0 }),
    zlib.gzipSync(Buffer.alloc(100_000)),
    zlib.gzipSync(text, { strategy: zlib.constants.Z_FIXED }),
    Buffer.concat([packed, packed]),
    Buffer.concat([packed, fields(packed), packed, Buffer.alloc(600)]),
    Buffer.concat([packed, Buffer.alloc(30), packed]),
    Buffer.concat([packed.subarray(0, 10), Buffer.from('000000ffff'.repeat(20), 'hex')]),
    latin1('no gzip'),
  ],
  dictionary: ['\x1f\x8b\x08', '\x00\x00\x00\xff\xff', '\x01\x00\x00\xff\xff', '\x03\x00'],
  longest: 2048,
  run: async (bytes, random) => {
    const whole = await unpack([bytes]);
    if (random.below(4) === 0) {
      const split = await unpack(random.pieces(bytes));
      const same =
        whole instanceof SluiceError
          ? (split as SluiceError).code === whole.code
          : whole.equals(split as Buffer);
      must(same, 'the outcome depends on the split');
    }
    const isPacked = bytes[0] === 0x1f && bytes[1] === 0x8b;
    let other: Buffer | null = null;
    try {
      if (isPacked) other = zlib.gunzipSync(bytes, { maxOutputLength: MOST });
    } catch {
      // It refuses what is damaged, too.
    }
    if (whole instanceof SluiceError) {
      const isOurs =
        whole.code === 'ERR_SOURCE_TRAILING' || /longer than|names a method|pack/.test(whole.message);
      must(other === null || isOurs, `zlib takes what is refused: ${whole.message}`);
      throw whole;
    }
    // The check sum over the header decides nothing here.
    const hasHeaderSum =
      /\x1f\x8b\x08[\x02\x03\x06\x07\x0a\x0b\x0e\x0f\x12\x13\x16\x17\x1a\x1b\x1e\x1f]/.test(
        bytes.toString('latin1'),
      );
    must(
      !isPacked || hasHeaderSum || whole.length >= MOST || (other !== null && other.equals(whole)),
      'zlib finds other bytes',
    );
    return isPacked ? `packed ${bytes[3]}` : 'plain';
  },
};
