/**
 * Reads a block index as it streams by. Each line has one spelling, so a text that is taken here is exactly
 * what `formatBlocks` makes of the index.
 *
 * @packageDocumentation
 */
import { fromHex, toLatin1 } from '../bytes.js';
import { SluiceError } from '../errors.js';
import {
  blockCount,
  type BlockIndex,
  BLOCKS_LIMITS,
  BLOCKS_MAGIC,
  type BlocksLimits,
  DIGEST_LINE,
  DIGEST_SIZE,
  imageFault,
  type ImageIndex,
  isWord,
} from './block-index.js';
import { StickyFailure } from '../sticky-failure.js';
import { quote, parseDecimal } from '../text.js';

const LF = 0x0a;

const IMAGE_LINE = /^image ([^ ]+) partition ([^ ]+) size ([0-9]+) block ([0-9]+) sha256 ([0-9a-f]{64})$/;

/** What the next line must be. */
type Expected = 'magic' | 'machine' | 'version' | 'security or image' | 'image' | 'digest';

/**
 * A parser for one BLOCKS member. Memory: one line, and 32 bytes a block, allocated when the image's line has
 * come and its count is known to fit the limits and what is left of the member.
 */
export class BlocksParser {
  readonly #limits: BlocksLimits;
  readonly #memberSize: number;
  readonly #line: Uint8Array;
  readonly #images = new Map<string, ImageIndex>();

  #expected: Expected = 'magic';
  #lineLength = 0;
  #lineNumber = 1;
  /** Bytes of the member that have been taken. */
  #taken = 0;
  #blocks = 0;
  #image: ImageIndex | null = null;
  /** Digests of the image that are in place. */
  #digests = 0;
  #machine = '';
  #version = '';
  #securityVersion: number | null = null;
  readonly #failure = new StickyFailure();

  /**
   * @param memberSize - bytes of the whole member, as its header says
   * @throws SluiceError ERR_BUNDLE_BLOCKS when that is no size
   */
  constructor(memberSize: number, limits: BlocksLimits = BLOCKS_LIMITS) {
    this.#memberSize = memberSize;
    this.#limits = limits;
    this.#line = new Uint8Array(limits.line);
    if (!Number.isSafeInteger(memberSize) || memberSize < 0) {
      throw this.#fault(`the member cannot have ${memberSize} bytes`);
    }
  }

  /**
   * Takes the next bytes; they are not kept.
   * @throws SluiceError ERR_BUNDLE_BLOCKS with the number of the line; then for every later call, too
   */
  write(bytes: Uint8Array): void {
    this.#failure.check();
    if (bytes.length > this.#memberSize - this.#taken) {
      throw this.#fault(`the member has more than the ${this.#memberSize} bytes of its header`);
    }
    let at = 0;
    while (at < bytes.length) {
      const found = bytes.indexOf(LF, at);
      const end = found === -1 ? bytes.length : found;
      if (this.#lineLength + end - at > this.#limits.line) {
        throw this.#fault(`the line has more than ${this.#limits.line} bytes`);
      }
      this.#line.set(bytes.subarray(at, end), this.#lineLength);
      this.#lineLength += end - at;
      if (found === -1) {
        this.#taken += end - at;
        return;
      }
      this.#taken += end + 1 - at;
      at = end + 1;
      this.#takeLine(this.#line.subarray(0, this.#lineLength));
      this.#lineLength = 0;
      this.#lineNumber++;
    }
  }

  /**
   * The index, when all of it has come.
   * @throws SluiceError ERR_BUNDLE_BLOCKS
   */
  end(): BlockIndex {
    this.#failure.check();
    if (this.#taken !== this.#memberSize) {
      throw this.#fault(`the member ends after ${this.#taken} of its ${this.#memberSize} bytes`);
    }
    if (this.#lineLength > 0) throw this.#fault('the last line has no LF');
    if (this.#expected === 'digest' && this.#image !== null) {
      const { member } = this.#image;
      throw this.#fault(
        `the index ends after ${this.#digests} of the ${blockCount(this.#image)} blocks of ${member}`,
      );
    }
    if (this.#images.size === 0) throw this.#fault('the index ends before its first image');
    return {
      machine: this.#machine,
      version: this.#version,
      securityVersion: this.#securityVersion,
      images: this.#images,
    };
  }

  #takeLine(line: Uint8Array): void {
    switch (this.#expected) {
      case 'digest':
        return this.#takeDigest(line);
      case 'magic':
        if (toLatin1(line) !== BLOCKS_MAGIC) throw this.#unexpected(line, `"${BLOCKS_MAGIC}"`);
        this.#expected = 'machine';
        return;
      case 'machine':
        this.#machine = this.#word(line, 'machine');
        this.#expected = 'version';
        return;
      case 'version':
        this.#version = this.#word(line, 'version');
        this.#expected = 'security or image';
        return;
      case 'security or image':
        this.#expected = 'image';
        if (this.#takeSecurityVersion(line)) return;
        return this.#takeImage(line);
      case 'image':
        return this.#takeImage(line);
    }
  }

  #word(line: Uint8Array, key: string): string {
    const text = toLatin1(line);
    const word = text.slice(key.length + 1);
    if (!text.startsWith(`${key} `) || !isWord(word)) throw this.#unexpected(line, `"${key}" and one word`);
    return word;
  }

  #takeSecurityVersion(line: Uint8Array): boolean {
    const text = toLatin1(line);
    if (!text.startsWith('security-version ')) return false;
    const value = parseDecimal(text.slice('security-version '.length));
    if (value === null) throw this.#unexpected(line, '"security-version" and a number');
    this.#securityVersion = value;
    return true;
  }

  #takeImage(line: Uint8Array): void {
    const [, member = '', partition = '', sizeText = '', blockText = '', hex = ''] =
      IMAGE_LINE.exec(toLatin1(line)) ?? [];
    const sha256 = fromHex(hex);
    const size = parseDecimal(sizeText);
    const blockSize = parseDecimal(blockText);
    if (sha256?.length !== DIGEST_SIZE || size === null || blockSize === null) {
      throw this.#unexpected(line, 'an image line');
    }
    const fault = imageFault({ member, partition, size, blockSize });
    if (fault !== null) throw this.#fault(fault);
    if (this.#images.has(member)) throw this.#fault(`${member} is there twice`);
    if (this.#images.size === this.#limits.images) {
      throw this.#fault(`the index has more than ${this.#limits.images} images`);
    }
    const count = blockCount({ size, blockSize });
    if (count > this.#limits.blocks - this.#blocks) {
      throw this.#fault(
        `with the ${count} blocks of ${member} the index has more than ${this.#limits.blocks}`,
      );
    }
    // A header line of 200 bytes must not make the board allocate 2 MiB for digests that cannot come.
    if (count * DIGEST_LINE > this.#memberSize - this.#taken) {
      throw this.#fault(`${member} has ${count} blocks, but the member ends before their digests do`);
    }
    this.#blocks += count;
    this.#digests = 0;
    this.#image = {
      member,
      partition,
      size,
      blockSize,
      sha256,
      digests: new Uint8Array(count * DIGEST_SIZE),
    };
    this.#images.set(member, this.#image);
    this.#expected = 'digest';
  }

  #takeDigest(line: Uint8Array): void {
    const image = this.#image;
    if (image === null || !hexInto(line, image.digests, this.#digests * DIGEST_SIZE)) {
      throw this.#unexpected(line, `the SHA-256 of block ${this.#digests} in 64 lower-case hex digits`);
    }
    if (++this.#digests === blockCount(image)) this.#expected = 'image';
  }

  #unexpected(line: Uint8Array, expected: string): SluiceError {
    return this.#fault(`expected ${expected}, found ${quote(toLatin1(line))}`);
  }

  #fault(what: string): SluiceError {
    const message = `BLOCKS, line ${this.#lineNumber}: ${what}`;
    return this.#failure.fail(new SluiceError('ERR_BUNDLE_BLOCKS', message, { member: 'BLOCKS' }));
  }
}

// In place of fromHex, as there are tens of thousands of these lines and a string each would be garbage.
function hexInto(line: Uint8Array, target: Uint8Array, at: number): boolean {
  if (line.length !== 2 * DIGEST_SIZE) return false;
  for (let i = 0; i < DIGEST_SIZE; i++) {
    const high = nibble(line[2 * i] ?? 0);
    const low = nibble(line[2 * i + 1] ?? 0);
    if (high < 0 || low < 0) return false;
    target[at + i] = (high << 4) | low;
  }
  return true;
}

function nibble(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  return code >= 0x61 && code <= 0x66 ? code - 0x61 + 10 : -1;
}
