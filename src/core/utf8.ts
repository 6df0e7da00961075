/**
 * UTF-8 for the portable core, which has no Buffer and no TextDecoder.
 *
 * @packageDocumentation
 */
import { fromLatin1, toLatin1 } from './bytes.js';

/** UTF-8 of a text; a surrogate without its other half becomes U+FFFD. */
export function toUtf8(text: string): Uint8Array {
  return fromLatin1(text.replace(/[\u0080-\uffff]+/g, utf8OfRun));
}

/** Text of UTF-8; null if the bytes are anything else. */
export function fromUtf8(bytes: Uint8Array): string | null {
  const text = toLatin1(bytes);
  try {
    return text.replace(/[\u0080-\u00ff]+/g, (run) => decodeURIComponent(escaped(run)));
  } catch {
    // decodeURIComponent throws at what is no UTF-8.
    return null;
  }
}

function utf8OfRun(run: string): string {
  const uri = encodeURIComponent(run.replace(/\p{Surrogate}/gu, '\ufffd'));
  return uri.replace(/%(..)/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

const escaped = (run: string): string => run.replace(/./gs, (unit) => `%${unit.charCodeAt(0).toString(16)}`);
