import { toLatin1 } from '../../bytes.js';
import { SluiceError } from '../../errors.js';
import { parsePax, type PaxRecords } from './pax.js';
import type { TarHeader } from './header.js';

/** Whether a header of this type speaks about others: pax (`x`, `g`) and the GNU long name (`L`). */
export function isExtension(type: string): boolean {
  return type === 'x' || type === 'g' || type === 'L';
}

/**
 * What extension headers have said about the member that comes next. There may be one of them a member: tools
 * differ in which of two they heed, so that one tarball would be two different ones.
 */
export class TarExtension {
  #longName: string | null = null;
  #pax: PaxRecords | null = null;

  /**
   * Takes the whole body of an extension header.
   * @throws SluiceError ERR_BUNDLE_TAR_HEADER, ERR_BUNDLE_TAR_TYPE, ERR_BUNDLE_TAR_NUMBER
   */
  take(type: string, body: Uint8Array): void {
    if (type === 'g') {
      parsePax(body, 'global');
      return;
    }
    this.refusePending('another one');
    if (type === 'x') this.#pax = parsePax(body, 'member');
    // GNU tar ends the name with one NUL and counts it; any other NUL is refused with the name.
    else this.#longName = toLatin1(body.at(-1) === 0 ? body.subarray(0, -1) : body);
  }

  /** The member's header with what was said about it put in; nothing is pending then. */
  apply(header: TarHeader): TarHeader {
    const name = this.#pax?.path ?? this.#longName ?? header.name;
    const size = this.#pax?.size ?? header.size;
    this.#pax = null;
    this.#longName = null;
    return { type: header.type, name, size };
  }

  /**
   * Refuses that something other than the member comes next.
   * @throws SluiceError ERR_BUNDLE_TAR_HEADER when something was said about a member
   */
  refusePending(before: string): void {
    if (this.#pax === null && this.#longName === null) return;
    throw new SluiceError(
      'ERR_BUNDLE_TAR_HEADER',
      `an extension header is followed by ${before} instead of its member`,
    );
  }
}
