import { malformed, parsePartHead, type PartHead } from './part-head.js';

/** Bytes of the head of a part: a disposition with a long file name, a type, little else. */
const MAX_HEAD_BYTES = 1024;

/** Parts of a body. A form for an update has three or four. */
const MAX_PARTS = 16;

/** Blanks accepted after a boundary (transport padding, RFC 2046, section 5.1.1). */
const MAX_PADDING_BYTES = 64;

const AFTER_BOUNDARY = 'the line of a boundary has other characters after the boundary';

const CR = 13;
const LF = 10;
const HEAD_END = Buffer.from('\r\n\r\n', 'latin1');

/** Receives the parts of a body as they arrive. Until a promise that it returns resolves, nothing more is read. */
export interface PartHandler {
  /**
   * A part begins.
   * @param at - offset of its first byte from the start of the body
   */
  begin(head: PartHead, at: number): void | Promise<void>;
  /** Bytes of the current part, at least one. The buffer may be reused when the promise resolves. */
  body(bytes: Uint8Array): void | Promise<void>;
  /** The part is complete. */
  end(): void | Promise<void>;
}

type State =
  /** The body must begin with a boundary. */
  | 'start'
  /** After a boundary: the end of its line, or two dashes. */
  | 'line'
  | 'head'
  | 'body'
  /** After the last boundary. */
  | 'epilogue';

/**
 * Parses a multipart/form-data body as a stream (RFC 7578, RFC 2046 section 5.1). Buffers only the head of one part; the
 * bytes of a part are passed on as slices of the input. Stricter than the RFC where clients do not need its freedom: no
 * text before the first boundary, and only a line break after the last one.
 */
export class MultipartReader {
  readonly #handler: PartHandler;
  /** Ends a part; the first boundary has no line break before it. The only CR is its first byte. */
  readonly #delimiter: Buffer;
  #state: State = 'start';
  /** Bytes of the delimiter at the end of the last input (`body`), or matched so far (`start`). */
  #matched: number;
  #head = Buffer.alloc(0);
  #line = '';
  #parts = 0;
  /** Bytes of the body before the current input. */
  #before = 0;

  /** @param boundary - from boundaryOf */
  constructor(boundary: string, handler: PartHandler) {
    this.#handler = handler;
    this.#delimiter = Buffer.from(`\r\n--${boundary}`, 'latin1');
    this.#matched = 2;
  }

  /** Whether the last boundary was read. */
  get done(): boolean {
    return this.#state === 'epilogue';
  }

  /**
   * Takes the next bytes of the body, split in any way.
   * @throws SluiceError ERR_SOURCE_MULTIPART, and the errors of the handler
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
   * Call at the end of the body.
   * @throws SluiceError ERR_SOURCE_MULTIPART if the last boundary is missing
   */
  end(): void {
    if (!this.done) throw malformed('body ends before its last boundary');
  }

  #start(input: Buffer, at: number): number {
    const length = Math.min(input.length - at, this.#delimiter.length - this.#matched);
    const expected = this.#delimiter.subarray(this.#matched, this.#matched + length);
    if (!expected.equals(input.subarray(at, at + length))) {
      throw malformed('body does not begin with the boundary of its Content-Type');
    }
    this.#matched += length;
    if (this.#matched === this.#delimiter.length) this.#enter('line');
    return at + length;
  }

  /** Byte by byte: a part has only a few bytes of it. */
  #endOfLine(input: Buffer, at: number): number {
    const byte = input[at] as number;
    const line = (this.#line += String.fromCharCode(byte));
    if (byte === LF) {
      if (!/^[ \t]*\r\n$/.test(line)) throw malformed(AFTER_BOUNDARY);
      this.#parts += 1;
      if (this.#parts > MAX_PARTS) throw malformed(`body has more than ${MAX_PARTS} parts`);
      this.#enter('head');
    } else if (line === '--') this.#enter('epilogue');
    else if (line.length > MAX_PADDING_BYTES || !/^(?:-|[ \t]*\r?)$/.test(line)) {
      throw malformed(AFTER_BOUNDARY);
    }
    return at + 1;
  }

  async #readHead(input: Buffer, at: number): Promise<number> {
    const before = this.#head.length;
    const room = MAX_HEAD_BYTES + HEAD_END.length - before;
    const head = Buffer.concat([this.#head, input.subarray(at, at + room)]);
    const end = head.indexOf(HEAD_END);
    if (end < 0) {
      if (head.length >= MAX_HEAD_BYTES + HEAD_END.length) {
        throw malformed(`the head of a part has more than ${MAX_HEAD_BYTES} bytes`);
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
      // The last input ended with a possible start of a boundary.
      const length = Math.min(input.length - at, delimiter.length - this.#matched);
      const expected = delimiter.subarray(this.#matched, this.#matched + length);
      if (expected.equals(input.subarray(at, at + length))) {
        this.#matched += length;
        if (this.#matched === delimiter.length) await this.#endPart();
        return at + length;
      }
      // It was not one. The bytes that were held back are equal to the start of the delimiter.
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

  /** Bytes at the end of the input that may be the start of a boundary. */
  #tail(input: Buffer, at: number): number {
    const from = Math.max(at, input.length - this.#delimiter.length + 1);
    // The last CR: the delimiter has no other one inside.
    const cr = input.lastIndexOf(CR);
    if (cr < from) return 0;
    const length = input.length - cr;
    return this.#delimiter.subarray(0, length).equals(input.subarray(cr)) ? length : 0;
  }

  #epilogue(input: Buffer, at: number): number {
    for (const byte of input.subarray(at)) {
      const expected = this.#line.length === 0 ? CR : LF;
      if (this.#line.length === 2 || byte !== expected)
        throw malformed('body has bytes after its last boundary');
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
