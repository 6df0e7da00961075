import { SluiceError } from '../../../core/errors.js';

/** What the head of a part says. */
export interface PartHead {
  /** `name` of its Content-Disposition; null where it has none. */
  readonly name: string | null;
  /** Whether a file name was given: the bytes come from a file. */
  readonly isFile: boolean;
}

/** A field name (RFC 9110, section 5.1), a colon, and its value; folded lines are not taken (RFC 9112, section 5.2). */
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/s;

const PARAMETER = /^;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))[ \t]*/s;

/** Encodings that leave the bytes as they are (RFC 7578, section 4.7: nobody should send another one). */
const PLAIN = new Set(['binary', '8bit', '7bit']);

/**
 * Reads the head of a part: its lines, without the empty one that ends it.
 * @throws SluiceError ERR_SOURCE_MULTIPART
 */
export function parsePartHead(text: string): PartHead {
  let disposition: string | null = null;
  for (const line of text.split('\r\n')) {
    const [, name, value = ''] = FIELD.exec(line) ?? [];
    if (name === undefined) throw malformed('a line in the head of a part has no field name');
    switch (name.toLowerCase()) {
      case 'content-disposition':
        if (disposition !== null) throw malformed('a part has two Content-Disposition lines');
        disposition = value;
        break;
      case 'content-transfer-encoding':
        if (!PLAIN.has(value.toLowerCase()))
          throw malformed('a part has a Content-Transfer-Encoding; send it as binary');
        break;
      default:
    }
  }
  if (disposition === null) throw malformed('a part has no Content-Disposition');
  return parseDisposition(disposition);
}

function parseDisposition(value: string): PartHead {
  const [kind = ''] = /^[^\s;]*/.exec(value) ?? [];
  if (kind.toLowerCase() !== 'form-data')
    throw malformed('the Content-Disposition of a part is not form-data');
  const parameters = parseParameters(value.slice(kind.length));
  return {
    name: parameters.get('name') ?? null,
    isFile: parameters.has('filename') || parameters.has('filename*'),
  };
}

/**
 * Reads `; name=value; name="value"`, names in lower case.
 * @throws SluiceError ERR_SOURCE_MULTIPART
 */
export function parseParameters(text: string): Map<string, string> {
  const found = new Map<string, string>();
  let rest = text.trim();
  while (rest !== '' && rest !== ';') {
    const [all, name = '', quoted, plain = ''] = PARAMETER.exec(rest) ?? [];
    if (all === undefined) throw malformed('a header has a parameter that cannot be read');
    const key = name.toLowerCase();
    if (found.has(key)) throw malformed(`a header gives ${key} twice`);
    found.set(key, quoted?.replaceAll(/\\(.)/gs, '$1') ?? plain);
    rest = rest.slice(all.length);
  }
  return found;
}

export const malformed = (message: string): SluiceError => new SluiceError('ERR_SOURCE_MULTIPART', message);
