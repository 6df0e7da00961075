/**
 * A second reader of tarballs, as simple as can be: the whole is in memory, numbers are BigInt, and it believes what
 * it reads. What the real one takes, this one must take for the same members.
 */
export interface ReferenceMember {
  readonly name: string;
  readonly data: Buffer;
}

const text = (block: Buffer, from: number, to: number): string =>
  block.toString('latin1', from, to).split('\0', 1)[0] ?? '';

function sizeOf(block: Buffer): bigint {
  const field = block.subarray(124, 136);
  if (((field[0] ?? 0) & 0x80) === 0) return BigInt(`0o${field.toString('latin1').replaceAll(/[ \0]/g, '')}`);
  return BigInt.asIntN(96, BigInt(`0x${field.toString('hex')}`) & ~(1n << 95n));
}

/** The members of a good tarball. */
export function referenceTar(bytes: Buffer): ReferenceMember[] {
  const members: ReferenceMember[] = [];
  let path: string | null = null;
  let size: bigint | null = null;
  for (let at = 0; ;) {
    const block = bytes.subarray(at, at + 512);
    if (block.every((byte) => byte === 0)) return members;
    const type = block.toString('latin1', 156, 157);
    const isExtension = 'xgL'.includes(type);
    const length = Number(isExtension ? sizeOf(block) : (size ?? sizeOf(block)));
    const body = bytes.subarray(at + 512, at + 512 + length);
    at += 512 + Math.ceil(length / 512) * 512;
    if (type === 'L') path = text(body, 0, body.length);
    if (type === 'x') {
      for (let rest = body.toString('latin1'); rest !== '';) {
        const record = rest.slice(0, Number(rest.split(' ', 1)[0]));
        rest = rest.slice(record.length);
        const [, key, value = ''] = /^\d+ ([^=]+)=(.*)\n$/s.exec(record) ?? [];
        if (key === 'path') path = value;
        if (key === 'size') size = BigInt(value);
      }
    }
    if (isExtension) continue;
    const isPosix = block.toString('latin1', 257, 263) === 'ustar\0';
    const prefix = isPosix ? text(block, 345, 500) : '';
    const plain = text(block, 0, 100);
    const name = (path ?? (prefix === '' ? plain : `${prefix}/${plain}`)).replace(/^\.\//, '');
    if (type !== '5') members.push({ name, data: Buffer.from(body) });
    path = null;
    size = null;
  }
}

/** Members as text, to be compared. */
export const formatTar = (members: readonly ReferenceMember[]): string =>
  members.map(({ name, data }) => `${name} ${data.length} ${data.toString('base64')}`).join('\n');
