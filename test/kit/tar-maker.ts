// Tarballs for the tests, block by block, made without the code that is tested; and a reader that keeps a record.
import { TarReader } from '../../src/core/bundle/tar/tar-reader.js';
import type { TarLimits } from '../../src/core/bundle/tar/limits.js';

export interface HeaderFields {
  name?: string;
  prefix?: string;
  type?: string;
  /** A number, or the 12 bytes of the field themselves. */
  size?: number | string;
  magic?: string;
  /** The 8 bytes of the checksum field, from the right sum. */
  checksum?: (sum: number) => string;
}

export const gnuMagic = 'ustar  \0';
const usual = (sum: number) => `${sum.toString(8).padStart(6, '0')}\0 `;

export function header(fields: HeaderFields = {}): Buffer {
  const { name = 'image-kernel', prefix = '', type = '0', size = 0, magic = 'ustar\x0000' } = fields;
  const block = Buffer.alloc(512);
  block.write(name, 0, 'latin1');
  block.write('0000644\0', 100, 'latin1');
  block.write('0000000\0', 108, 'latin1');
  block.write('0000000\0', 116, 'latin1');
  block.write(typeof size === 'string' ? size : `${size.toString(8).padStart(11, '0')}\0`, 124, 'latin1');
  block.write('00000000000\0', 136, 'latin1');
  block.write(type, 156, 'latin1');
  block.write(magic, 257, 'latin1');
  block.write(prefix, 345, 'latin1');
  block.fill(0x20, 148, 156);
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write((fields.checksum ?? usual)(sum), 148, 'latin1');
  return block;
}

/** Header, data and filler of one member. */
export function member(name: string, data: string | Uint8Array, fields: HeaderFields = {}): Buffer {
  const bytes = typeof data === 'string' ? Buffer.from(data, 'latin1') : data;
  const filler = Buffer.alloc((512 - (bytes.length % 512)) % 512);
  return Buffer.concat([header({ name, size: bytes.length, ...fields }), bytes, filler]);
}

export const end = Buffer.alloc(1024);

/** The members and the end of the archive. */
export function tarball(...parts: Uint8Array[]): Buffer {
  return Buffer.concat([...parts, end]);
}

export function paxRecord(key: string, value: string): string {
  const rest = Buffer.from(` ${key}=${value}\n`).length;
  let length = rest + 1;
  while (String(length).length + rest !== length) length++;
  return `${length} ${key}=${value}\n`;
}

export function pax(records: Record<string, string>, type = 'x'): Buffer {
  const body = Object.entries(records).map(([key, value]) => paxRecord(key, value));
  return member('PaxHeaders/x', Buffer.from(body.join('')), { type });
}

export function longName(name: string): Buffer {
  return member('././@LongLink', `${name}\0`, { type: 'L', magic: gnuMagic });
}

export interface Taken {
  name: string;
  size: number;
  data: Buffer;
  finished: boolean;
}

/** Reads chunks and gives what the handler got; throws what the reader throws. */
export async function readChunks(
  chunks: Iterable<Uint8Array>,
  limits?: Partial<TarLimits>,
  members: Taken[] = [],
): Promise<Taken[]> {
  const current = () => {
    const taken = members.at(-1);
    if (taken === undefined || taken.finished) throw new Error('an event outside a member');
    return taken;
  };
  const reader = new TarReader(
    {
      begin({ name, size }) {
        if (members.at(-1)?.finished === false) throw new Error('begin inside a member');
        members.push({ name, size, data: Buffer.alloc(0), finished: false });
      },
      data(bytes) {
        if (bytes.length === 0) throw new Error('data of nothing');
        const taken = current();
        taken.data = Buffer.concat([taken.data, bytes]);
        if (taken.data.length > taken.size) throw new Error('data beyond the declared size');
      },
      finish() {
        const taken = current();
        if (taken.data.length !== taken.size) throw new Error('finish before the last byte');
        taken.finished = true;
      },
    },
    limits,
  );
  for (const chunk of chunks) await reader.write(chunk);
  await reader.end();
  return members;
}

export function readAll(bytes: Uint8Array, limits?: Partial<TarLimits>): Promise<Taken[]> {
  return readChunks([bytes], limits);
}

/** Cuts bytes at the given places. */
export function split(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
  const edges = [0, ...places.map((place) => place % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return edges.slice(1).map((to, i) => bytes.subarray(edges[i], to));
}

/** Cuts bytes into pieces of one size. */
export function* pieces(bytes: Uint8Array, size: number): Iterable<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}
