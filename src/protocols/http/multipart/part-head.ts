import { SluiceError } from '../../../core/errors.js';

/** The head of a part. */
export interface PartHead {
  /** `name` of its Content-Disposition; null if there is none. */
  readonly name: string | null;
  /** Whether it has a file name: the bytes come from a file. */
  readonly isFile: boolean;
}

/** A field name (RFC 9110, section 5.1), a colon, and a value; folded lines are refused (RFC 9112, section 5.2). */
const FIELD = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*(.*?)[ \t]*$/s;

const PARAMETER = /^;[ \t]*([!#$%&'*+.^_`|~0-9A-Za-z-]+)=(?:"((?:[^"\\]|\\.)*)"|([^\s;"]+))[ \t]*/s;

/** Encodings that do not change the bytes (RFC 7578, section 4.7: senders should use no others). */
const IDENTITY_ENCODINGS = new Set(['binary', '8bit', '7bit']);

/**
 * Parses the head of a part: its lines without the empty line that ends it.
 * @throws SluiceError ERR_SOURCE_MULTIPART
 */
export function parsePartHead(text: string): PartHead {
  let disposition: string | null = null;
  for (const line of text.split('\r\n')) {
    const [, name, value = ''] = FIELD.exec(line) ?? [];
    if (name === undefined) throw malformed('a header line of a part has no field name');
    switch (name.toLowerCase()) {
      case 'content-disposition':
        if (disposition !== null) throw malformed('a part has two Content-Disposition lines');
        disposition = value;
        break;
      case 'content-transfer-encoding':
        if (!IDENTITY_ENCODINGS.has(value.toLowerCase()))
          throw malformed('a part has a Content-Transfer-Encoding other than binary');
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
 * Parses `; name=value; name="value"`. Names are in lower case.
 * @throws SluiceError ERR_SOURCE_MULTIPART
 */
export function parseParameters(text: string): Map<string, string> {
  const found = new Map<string, string>();
  let rest = text.trim();
  while (rest !== '' && rest !== ';') {
    const [all, name = '', quoted, plain = ''] = PARAMETER.exec(rest) ?? [];
    if (all === undefined) throw malformed('a header has a malformed parameter');
    const key = name.toLowerCase();
    if (found.has(key)) throw malformed(`a header has the parameter ${key} twice`);
    found.set(key, quoted?.replaceAll(/\\(.)/gs, '$1') ?? plain);
    rest = rest.slice(all.length);
  }
  return found;
}

export const malformed = (message: string): SluiceError => new SluiceError('ERR_SOURCE_MULTIPART', message);
