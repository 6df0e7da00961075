import { malformed, parseParameters } from './part-head.js';

/** `bcharsnospace` with spaces inside, up to 70 characters (RFC 2046, section 5.1.1). */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;

const TYPE = /^multipart\/form-data[ \t]*(?=;|$)/i;

/**
 * The boundary of a Content-Type, quoted or not.
 * @throws SluiceError ERR_SOURCE_MULTIPART
 */
export function boundaryOf(contentType: string): string {
  const [type] = TYPE.exec(contentType) ?? [];
  if (type === undefined) throw malformed('Content-Type is not multipart/form-data');
  const boundary = parseParameters(contentType.slice(type.length)).get('boundary');
  if (boundary === undefined) throw malformed('Content-Type has no boundary');
  if (!BOUNDARY.test(boundary)) throw malformed('boundary has more than 70 characters or an invalid one');
  return boundary;
}
