import { StringDecoder } from 'node:string_decoder';

/** One server-sent event. */
export interface SseEvent {
  readonly id: string | null;
  readonly type: string;
  readonly data: string;
}

/** Most characters of one event; the state of a large chip has about ten thousand. */
const MAX_EVENT_LENGTH = 4 * 1024 * 1024;

/** Optional byte order mark at the start of a stream (WHATWG HTML, 9.2.5). */
const BYTE_ORDER_MARK = '\ufeff';

/** Reads a stream of server-sent events (WHATWG HTML, 9.2.6) in pieces of any size. */
export class EventParser {
  readonly #handle: (event: SseEvent) => void;
  readonly #decoder = new StringDecoder('utf8');
  #begun = false;
  /** Pieces of the line that has not ended; joined when it does, as its server may send it byte by byte. */
  #pieces: string[] = [];
  /** Characters that are kept of the event that has not ended. */
  #kept = 0;
  #afterReturn = false;
  #id: string | null = null;
  #type = '';
  #data: string[] = [];

  constructor(handle: (event: SseEvent) => void) {
    this.#handle = handle;
  }

  /** @throws RangeError when an event is longer than any */
  take(bytes: Buffer): void {
    let text = this.#decoder.write(bytes);
    if (text === '') return;
    if (!this.#begun && text.startsWith(BYTE_ORDER_MARK)) text = text.slice(1);
    this.#begun = true;
    // The second half of a line's end whose first half was the end of the piece before.
    if (this.#afterReturn && text.startsWith('\n')) text = text.slice(1);
    this.#afterReturn = text.endsWith('\r');
    const lines = text.split(/\r\n|\n|\r/);
    const rest = lines.pop() as string;
    for (const line of lines) {
      this.#keep(line);
      const whole = this.#pieces.join('');
      this.#pieces = [];
      this.#line(whole);
    }
    if (rest !== '') this.#keep(rest);
  }

  #keep(piece: string): void {
    // An empty piece counts as one: a list of them takes memory, too.
    this.#kept += piece.length + 1;
    if (this.#kept > MAX_EVENT_LENGTH) throw new RangeError('an event is too long');
    this.#pieces.push(piece);
  }

  #line(line: string): void {
    if (line === '') return this.#dispatch();
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
    if (field === 'data') this.#data.push(value);
    else if (field === 'event') this.#type = value;
    else if (field === 'id' && !value.includes('\0')) this.#id = value;
  }

  #dispatch(): void {
    if (this.#data.length > 0) {
      this.#handle({ id: this.#id, type: this.#type || 'message', data: this.#data.join('\n') });
    }
    this.#kept = 0;
    this.#type = '';
    this.#data = [];
  }
}
