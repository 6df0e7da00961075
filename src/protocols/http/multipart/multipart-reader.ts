import { malformed, parsePartHead, type PartHead } from './part-head.js';

/** Bytes of the head of one part: a disposition with a long file name, a type, little else. */
const HEAD_LIMIT = 1024;

/** Parts of one body: a form for an update has three or four. */
const PARTS_LIMIT = 16;

/** Blanks behind a boundary that are let pass (transport padding, RFC 2046, section 5.1.1). */
const PADDING_LIMIT = 64;

const CR = 13;
const LF = 10;
const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');

/** Is handed the parts of a body as they come. While it is at work nothing more is read. */
export interface PartHandler {
  /**
   * A part begins.
   * @param at - where its bytes do: bytes from the start of the body
   */
  begin(head: PartHead, at: number): void | Promise<void>;
  /** Bytes of the part that has begun, never none; they may be reused when it is done. */
  body(bytes: Uint8Array): void | Promise<void>;
  /** The part has come whole. */
  end(): void | Promise<void>;
}

type State =
  /** The body must begin with a boundary. */
  | 'start'
  /** Behind a boundary: the end of its line, or two dashes. */
  | 'line'
  | 'head'
  | 'body'
  /** Behind the last boundary. */
  | 'epilogue';

/**
 * Takes a multipart/form-data body apart as it comes (RFC 7578, RFC 2046 section 5.1). Nothing is collected but the
 * head of one part: the bytes of a part are handed on as slices of what came in. Strict where strictness costs no
 * honest client anything: no text before the first boundary, nothing but a line break behind the last one.
 */
export class MultipartReader {
  readonly #handler: PartHandler;
  /** What ends a part; the first boundary lacks its line break. A CR can stand at its first place only. */
  readonly #delimiter: Buffer;
  #state: State = 'start';
  /** Bytes of the delimiter that the last input ended with (`body`), or that have been seen (`start`). */
  #matched: number;
  #head = Buffer.alloc(0);
  #line = '';
  #parts = 0;
  /** Bytes of the body before the input that is being taken. */
  #before = 0;

  /** @param boundary - as boundaryOf gives it */
  constructor(boundary: string, handler: PartHandler) {
    this.#handler = handler;
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
    this.#matched = 2;
  }

  /** Whether the last boundary has come. */
  get done(): boolean {
    return this.#state === 'epilogue';
  }

  /**
   * Takes the next bytes of the body, however it was split.
   * @throws SluiceError ERR_SOURCE_MULTIPART, and what the handler throws
   */
  async write(bytes: Uint8Array): Promise<void> {
    const input = Buffer.isBuffer(bytes)
      ? bytes
      : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    let at = 0;
    while (at < input.length) {
      switch (this.#state) {
        case 'start':
          at = this.#start(input, at);
          break;
        case 'line':
          at = this.#endOfLine(input, at);
          break;
        case 'head':
          at = await this.#readHead(input, at);
          break;
        case 'body':
          at = await this.#readBody(input, at);
          break;
        case 'epilogue':
          at = this.#epilogue(input, at);
          break;
        default:
      }
    }
    this.#before += input.length;
  }

  /**
   * Call when the body has ended.
   * @throws SluiceError ERR_SOURCE_MULTIPART when the last boundary has not come
   */
  end(): void {
    if (!this.done) throw malformed('the body ended before its last boundary');
  }

  #start(input: Buffer, at: number): number {
    const length = Math.min(input.length - at, this.#delimiter.length - this.#matched);
    const expected = this.#delimiter.subarray(this.#matched, this.#matched + length);
    if (!expected.equals(input.subarray(at, at + length))) {
      throw malformed('the body does not begin with the boundary that its Content-Type names');
    }
    this.#matched += length;
    if (this.#matched === this.#delimiter.length) this.#enter('line');
    return at + length;
  }

  /** Byte by byte: it is a few bytes a part. */
  #endOfLine(input: Buffer, at: number): number {
    const byte = input[at] as number;
    const line = (this.#line += String.fromCharCode(byte));
    if (byte === LF) {
      if (!/^[ \t]*\r\n$/.test(line)) throw malformed('there is something behind a boundary, on its line');
      this.#parts += 1;
      if (this.#parts > PARTS_LIMIT) throw malformed(`the body has more than ${PARTS_LIMIT} parts`);
      this.#enter('head');
    } else if (line === '--') this.#enter('epilogue');
    else if (line.length > PADDING_LIMIT || !/^(?:-|[ \t]*\r?)$/.test(line)) {
      throw malformed('there is something behind a boundary, on its line');
    }
    return at + 1;
  }

  async #readHead(input: Buffer, at: number): Promise<number> {
    const before = this.#head.length;
    const room = HEAD_LIMIT + HEAD_END.length - before;
    const head = Buffer.concat([this.#head, input.subarray(at, at + room)]);
    const end = head.indexOf(HEAD_END);
    if (end < 0) {
      if (head.length >= HEAD_LIMIT + HEAD_END.length) {
        throw malformed(`the head of a part has more than ${HEAD_LIMIT} bytes`);
      }
      this.#head = head;
      return input.length;
    }
    this.#enter('body');
    const begin = at + end + HEAD_END.length - before;
    await this.#handler.begin(parsePartHead(head.toString('utf8', 0, end)), this.#before + begin);
    return begin;
  }

  async #readBody(input: Buffer, at: number): Promise<number> {
    const delimiter = this.#delimiter;
    if (this.#matched > 0) {
      // The last input ended with what may be the beginning of a boundary.
      const length = Math.min(input.length - at, delimiter.length - this.#matched);
      const expected = delimiter.subarray(this.#matched, this.#matched + length);
      if (expected.equals(input.subarray(at, at + length))) {
        this.#matched += length;
        if (this.#matched === delimiter.length) await this.#endPart();
        return at + length;
      }
      // It was none. What was held back is known from memory: those bytes were equal to the boundary.
      const held = delimiter.subarray(0, this.#matched);
      this.#matched = 0;
      await this.#handler.body(held);
    }
    const found = input.indexOf(delimiter, at);
    if (found >= 0) {
      if (found > at) await this.#handler.body(input.subarray(at, found));
      await this.#endPart();
      return found + delimiter.length;
    }
    const end = input.length - this.#tail(input, at);
    this.#matched = input.length - end;
    if (end > at) await this.#handler.body(input.subarray(at, end));
    return input.length;
  }

  /** Bytes at the end of the input that may be the beginning of a boundary. */
  #tail(input: Buffer, at: number): number {
    const from = Math.max(at, input.length - this.#delimiter.length + 1);
    // A later CR would be inside of the match, and there is none inside.
    const cr = input.lastIndexOf(CR);
    if (cr < from) return 0;
    const length = input.length - cr;
    return this.#delimiter.subarray(0, length).equals(input.subarray(cr)) ? length : 0;
  }

  #epilogue(input: Buffer, at: number): number {
    for (const byte of input.subarray(at)) {
      const expected = this.#line.length === 0 ? CR : LF;
      if (this.#line.length === 2 || byte !== expected)
        throw malformed('there are bytes behind the last boundary');
      this.#line += String.fromCharCode(byte);
    }
    return input.length;
  }

  async #endPart(): Promise<void> {
    this.#enter('line');
    await this.#handler.end();
  }

  #enter(state: State): void {
    this.#state = state;
    this.#line = '';
    this.#matched = 0;
    this.#head = Buffer.alloc(0);
  }
}
