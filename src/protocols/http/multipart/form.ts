import { lengthOf, readBody, type BodyOptions } from '../body.js';
import type { Exchange } from '../exchange.js';
import { SmallBuffer } from '../connection/small-buffer.js';
import { boundaryOf } from './boundary.js';
import { MultipartReader, type PartHandler } from './multipart-reader.js';
import { malformed, type PartHead } from './part-head.js';

/** Bytes of a field. The longest is the JSON of Redfish with a target for each partition. */
const MAX_FIELD_BYTES = 4096;

/** Bytes of all unknown parts together. */
const MAX_DROPPED_BYTES = 64 * 1024;

/** How a form treats a part: the file is streamed, fields are short texts, everything else is skipped. */
export type PartKind = 'file' | 'field' | 'dropped';

/** A form with short fields and one file. */
export interface Form {
  /**
   * Decides what a part is. Throws to refuse it.
   * @param size - bytes of the part if it is the last one; null if unknown
   */
  kindOf(head: PartHead, size: number | null): PartKind;
  /** Takes a complete field. Throws to refuse it. */
  field(name: string, text: string): void | Promise<void>;
  /** Takes bytes of the file, at least one. Until it resolves the sender has to wait. */
  file(bytes: Uint8Array): Promise<void>;
}

/**
 * Streams a form. Each field and the file may appear once, in any order.
 * @throws SluiceError ERR_SOURCE_MULTIPART, as readBody, and the errors of the form
 */
export async function readForm(
  { request, response }: Exchange,
  form: Form,
  options: BodyOptions,
): Promise<void> {
  const boundary = boundaryOf(request.headers['content-type'] ?? '');
  const length = lengthOf(request);
  const lastPartEnd = length === null ? null : length - `\r\n--${boundary}--\r\n`.length;
  const reader = new MultipartReader(boundary, new FormParts(form, lastPartEnd));
  await readBody(request, response, (bytes) => reader.write(bytes), options);
  reader.end();
}

class FormParts implements PartHandler {
  readonly #form: Form;
  /** End of the last part, in bytes from the start of the body; null if unknown. */
  readonly #lastPartEnd: number | null;
  readonly #seen = new Set<string>();
  #kind: PartKind = 'dropped';
  #name = '';
  #text = new SmallBuffer(MAX_FIELD_BYTES);
  #dropped = 0;

  constructor(form: Form, lastPartEnd: number | null) {
    this.#form = form;
    this.#lastPartEnd = lastPartEnd;
  }

  begin(head: PartHead, at: number): void {
    this.#kind = this.#form.kindOf(
      head,
      this.#lastPartEnd === null ? null : Math.max(0, this.#lastPartEnd - at),
    );
    this.#name = head.name ?? '';
    this.#text = new SmallBuffer(MAX_FIELD_BYTES);
    if (this.#kind === 'dropped') return;
    const key = this.#kind === 'file' ? 'file' : `field ${this.#name}`;
    if (this.#seen.has(key)) {
      throw malformed(
        this.#kind === 'file' ? 'the form has two files' : `the form has the field ${this.#name} twice`,
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
          throw malformed(`field ${this.#name} has more than ${MAX_FIELD_BYTES} bytes`);
        }
        return undefined;
      default:
        this.#dropped += bytes.length;
        if (this.#dropped > MAX_DROPPED_BYTES) {
          throw malformed(`unknown parts have more than ${MAX_DROPPED_BYTES} bytes`);
        }
        return undefined;
    }
  }

  end(): void | Promise<void> {
    if (this.#kind !== 'field') return undefined;
    return this.#form.field(this.#name, this.#text.bytes.toString('utf8'));
  }
}
