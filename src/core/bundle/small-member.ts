import { SluiceError } from '../errors.js';

/** Collects one small member whole; how large it may be was checked when its header was read. */
export class SmallMember {
  readonly #bytes: Uint8Array;
  #filled = 0;

  constructor(size: number) {
    this.#bytes = new Uint8Array(size);
  }

  write(bytes: Uint8Array): void {
    this.#bytes.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  get bytes(): Uint8Array {
    return this.#bytes;
  }
}

/** SHA-256 of each small member by name: what a second reading of the same bundle must show again. */
export type MemberDigests = ReadonlyMap<string, Uint8Array>;

/** The error of a member that is not as it was in the first reading. */
export function changedMember(member: string, how: string): SluiceError {
  return new SluiceError('ERR_SOURCE_CHANGED', `${member} ${how} in the first reading`, { member });
}
