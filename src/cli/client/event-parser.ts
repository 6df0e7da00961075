import { StringDecoder } from 'node:string_decoder';

/** One server-sent event. */
export interface SseEvent {
  readonly id: string | null;
  readonly type: string;
  readonly data: string;
}

/** Characters of one event: the state of a large chip has some ten thousand. */
const LONGEST = 4 * 1024 * 1024;

/** Reads a stream of server-sent events (WHATWG HTML, 9.2.6) in pieces of any size. */
export class EventParser {
  readonly #told: (event: SseEvent) => void;
  readonly #decoder = new StringDecoder('utf8');
  #rest = '';
  #id: string | null = null;
  #type = '';
  #data: string[] = [];

  constructor(told: (event: SseEvent) => void) {
    this.#told = told;
  }

  /** @throws RangeError when an event is longer than any */
  take(bytes: Buffer): void {
    this.#rest += this.#decoder.write(bytes);
    if (this.#rest.length > LONGEST) throw new RangeError('an event is too long');
    // A carriage return at the end may be half of a line's end.
    const lines = this.#rest.split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop() as string;
    for (const line of lines) this.#line(line);
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
      this.#told({ id: this.#id, type: this.#type || 'message', data: this.#data.join('\n') });
    }
    this.#type = '';
    this.#data = [];
  }
}
