import type { Random } from './random.js';

/** Numbers at which programs go wrong, as text. */
export const NUMBERS: readonly string[] = [
  '0', '1', '-1', '00', '+1', '1e3', '0x10', '1.5', '-0', 'NaN', 'Infinity', '1e999', '127', '128', '255',
  '256', '511', '512', '513', '4095', '4096', '4097', '65535', '65536', '2097151', '2147483647',
  '2147483648', '4294967295', '4294967296', '8589934592', '9007199254740991', '9007199254740992',
  '9007199254740993', '9223372036854775807', '9223372036854775808', '18446744073709551616',
  '99999999999999999999999999',
]; // prettier-ignore

/** Bytes at which parsers change their mind. */
const BYTES = Buffer.from(
  '\0\n\r\t =/.,;:"\'\\{}[]()-_+*%?&#<>0123456789aAfFzZ\x1f\x7f\x80\xc0\xff',
  'latin1',
);

const WIDTHS = [1, 2, 4, 8] as const;

const LENGTHS = [4, 16, 64, 512] as const;

/** Numbers as fields of eight bytes have them, the most significant byte first and last. */
const FIELDS: readonly Uint8Array[] = [
  0n,
  1n,
  0x7fn,
  0x80n,
  0xffn,
  0x7fffn,
  0x8000n,
  0x7fffffffn,
  0x80000000n,
  -1n,
]
  .map((value) => {
    const field = Buffer.alloc(8);
    field.writeBigInt64BE(value);
    return field;
  })
  .flatMap((field): Uint8Array[] => [field, Uint8Array.from(field).reverse()]);

/** Changes an input at random: bits, bytes, blocks, words, numbers, and parts of other inputs. */
export class Mutator {
  readonly #random: Random;
  readonly #words: readonly Buffer[];
  readonly #longest: number;

  constructor(random: Random, dictionary: readonly string[], longest: number) {
    this.#random = random;
    this.#words = [...dictionary, ...NUMBERS].map((word) => Buffer.from(word, 'latin1'));
    this.#longest = longest;
  }

  /** @param others - inputs that parts may be taken from */
  mutate(good: Uint8Array, others: readonly Uint8Array[]): Buffer {
    let bytes: Buffer = Buffer.from(good);
    for (let left = this.#random.few(6); left > 0; left--) bytes = this.#once(bytes, others);
    return bytes.length > this.#longest ? bytes.subarray(0, this.#longest) : bytes;
  }

  #once(bytes: Buffer, others: readonly Uint8Array[]): Buffer {
    const random = this.#random;
    if (bytes.length === 0) return Buffer.from(random.of(others));
    const at = random.below(bytes.length);
    const length = 1 + random.below(Math.min(random.of(LENGTHS), bytes.length - at));
    switch (random.below(13)) {
      case 0:
        bytes[at] = bytes.readUInt8(at) ^ (1 << random.below(8));
        return bytes;
      case 1:
        bytes[at] = BYTES[random.below(BYTES.length)] as number;
        return bytes;
      case 2:
        return cat(bytes.subarray(0, at), bytes.subarray(at + length));
      case 3:
        return cat(bytes.subarray(0, at + length), bytes.subarray(at));
      case 4:
        bytes.copyWithin(random.below(bytes.length), at, at + length);
        return bytes;
      case 5:
        return random.below(4) === 0 ? bytes.subarray(0, at) : bytes;
      case 6:
        return this.#number(bytes);
      case 7: {
        const word = random.of(this.#words);
        return cat(bytes.subarray(0, at), word, bytes.subarray(at));
      }
      case 8: {
        const word = random.of(this.#words);
        word.copy(bytes, at);
        return bytes;
      }
      case 9:
        return this.#splice(bytes, random.of(others), at);
      case 10:
        return this.#line(bytes);
      case 11: {
        const width = random.of(WIDTHS);
        if (at + width > bytes.length) return bytes;
        const field = random.of(FIELDS);
        const from = random.below(2) === 0 ? 8 - width : 0;
        bytes.set(field.subarray(from, from + width), at);
        return bytes;
      }
      default:
        return cat(
          bytes.subarray(0, at),
          Buffer.alloc(length * random.of([1, 1, 8]), bytes[at]),
          bytes.subarray(at),
        );
    }
  }

  /** Puts another number in the place of one that stands there, or next to it. */
  #number(bytes: Buffer): Buffer {
    const random = this.#random;
    // The first number behind some place, or none.
    let from = random.below(bytes.length);
    while (from < bytes.length && !isDigit(bytes[from])) from++;
    let to = from;
    while (to < bytes.length && to < from + 30 && isDigit(bytes[to])) to++;
    if (from === to) return bytes;
    const old = bytes.toString('latin1', from, to);
    const near = BigInt(old) + random.of(NEAR);
    const other = random.below(2) === 0 ? near.toString() : random.of(this.#words).toString('latin1');
    // Of the same length where there is room for no other: fields of a fixed width.
    const text = random.below(2) === 0 ? other.padStart(old.length, '0').slice(-old.length) : other;
    return cat(bytes.subarray(0, from), Buffer.from(text, 'latin1'), bytes.subarray(to));
  }

  #splice(bytes: Buffer, other: Uint8Array, at: number): Buffer {
    const random = this.#random;
    if (other.length === 0) return bytes;
    const from = random.below(other.length);
    const part = other.subarray(from, from + 1 + random.below(other.length - from));
    const rest =
      random.below(2) === 0 ? bytes.subarray(at) : bytes.subarray(Math.min(bytes.length, at + part.length));
    return cat(bytes.subarray(0, at), part, rest);
  }

  /** Repeats, drops or swaps a line. */
  #line(bytes: Buffer): Buffer {
    const random = this.#random;
    const lines = bytes.toString('latin1').split(/(?<=\n)/);
    const at = random.below(lines.length);
    const to = random.below(lines.length);
    const [line] = random.below(2) === 0 ? lines.splice(at, 1) : [lines[at]];
    if (line !== undefined && random.below(3) > 0) lines.splice(to, 0, line);
    return Buffer.from(lines.join(''), 'latin1');
  }
}

const NEAR = [-1n, 1n, 7n, 512n] as const;

const isDigit = (byte: number | undefined): boolean => byte !== undefined && byte >= 0x30 && byte <= 0x39;

const cat = (...parts: readonly Uint8Array[]): Buffer => Buffer.concat(parts);
