import { malformed, parseParameters } from './part-head.js';

/** `bcharsnospace` with spaces inside, up to 70 characters (RFC 2046, section 5.1.1). */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;

const TYPE = /^multipart\/form-data[ \t]*(?=;|$)/i;

/**
 * The boundary that a Content-Type names, quoted or not.
 * @throws SluiceError ERR_SOURCE_MULTIPART
 */
export function boundaryOf(contentType: string): string {
  const [type] = TYPE.exec(contentType) ?? [];
  if (type === undefined) throw malformed('of the multipart types only multipart/form-data is taken');
  const boundary = parseParameters(contentType.slice(type.length)).get('boundary');
  if (boundary === undefined) throw malformed('the Content-Type names no boundary');
  if (!BOUNDARY.test(boundary)) throw malformed('the boundary is longer than 70 characters, or has odd ones');
  return boundary;
}
