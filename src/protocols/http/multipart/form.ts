import { lengthOf, readBody, type BodyOptions } from '../body.js';
import type { Exchange } from '../exchange.js';
import { SmallBuffer } from '../connection/small-buffer.js';
import { boundaryOf } from './boundary.js';
import { MultipartReader, type PartHandler } from './multipart-reader.js';
import { malformed, type PartHead } from './part-head.js';

/** Bytes of a field: the longest is the JSON of Redfish with a target for each partition. */
const FIELD_LIMIT = 4096;

/** Bytes of parts that nobody asked for, all together. */
const DROPPED_LIMIT = 64 * 1024;

/** What a part is to its form: the file is streamed, fields are short texts, the rest is read past. */
export type PartKind = 'file' | 'field' | 'dropped';

/** A form with short fields and one file. */
export interface Form {
  /**
   * What to do with a part. Throws to refuse it.
   * @param size - bytes of the part if it is the last one; null when not known
   */
  sort(head: PartHead, size: number | null): PartKind;
  /** A field has come whole. Throws to refuse it. */
  field(name: string, text: string): void | Promise<void>;
  /** Bytes of the file, never none. While it is at work the sender is held back. */
  file(bytes: Uint8Array): Promise<void>;
}

/**
 * Streams a form. Each field at most once, the file at most once, in whatever order.
 * @throws SluiceError ERR_SOURCE_MULTIPART, as readBody, and what the form throws
 */
export async function readForm(
  { request, response }: Exchange,
  form: Form,
  options: BodyOptions,
): Promise<void> {
  const boundary = boundaryOf(request.headers['content-type'] ?? '');
  const length = lengthOf(request);
  const rest = length === null ? null : length - `\r\n--${boundary}--\r\n`.length;
  const reader = new MultipartReader(boundary, new FormParts(form, rest));
  await readBody(request, response, (bytes) => reader.write(bytes), options);
  reader.end();
}

class FormParts implements PartHandler {
  readonly #form: Form;
  /** Where the last part ends: bytes from the start of the body; null when not known. */
  readonly #last: number | null;
  readonly #seen = new Set<string>();
  #kind: PartKind = 'dropped';
  #name = '';
  #text = new SmallBuffer(FIELD_LIMIT);
  #dropped = 0;

  constructor(form: Form, last: number | null) {
    this.#form = form;
    this.#last = last;
  }

  begin(head: PartHead, at: number): void {
    this.#kind = this.#form.sort(head, this.#last === null ? null : Math.max(0, this.#last - at));
    this.#name = head.name ?? '';
    this.#text = new SmallBuffer(FIELD_LIMIT);
    if (this.#kind === 'dropped') return;
    const key = this.#kind === 'file' ? 'file' : `field ${this.#name}`;
    if (this.#seen.has(key)) {
      throw malformed(
        this.#kind === 'file' ? 'there are two files' : `the field ${this.#name} is given twice`,
      );
    }
    this.#seen.add(key);
  }

  body(bytes: Uint8Array): void | Promise<void> {
    switch (this.#kind) {
      case 'file':
        return this.#form.file(bytes);
      case 'field':
        if (!this.#text.add(bytes)) {
          throw malformed(`the field ${this.#name} has more than ${FIELD_LIMIT} bytes`);
        }
        return undefined;
      default:
        this.#dropped += bytes.length;
        if (this.#dropped > DROPPED_LIMIT) {
          throw malformed(`parts that do not belong to the form have more than ${DROPPED_LIMIT} bytes`);
        }
        return undefined;
    }
  }

  end(): void | Promise<void> {
    if (this.#kind !== 'field') return undefined;
    return this.#form.field(this.#name, this.#text.bytes.toString('utf8'));
  }
}
