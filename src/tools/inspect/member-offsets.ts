import { TarReader, type TarHandler, type TarMember } from '../../core/bundle/tar/tar-reader.js';
import type { ByteSink } from '../../core/platform.js';

/** A TarHandler that also receives the offset of each member's bytes in the tarball. */
export interface OffsetHandler {
  begin(member: TarMember): void;
  /** @param offset - of these bytes in the (decompressed) tarball */
  data(bytes: Uint8Array, offset: number): void | Promise<void>;
  finish(): void | Promise<void>;
}

/** A tar reader that knows where it is: what it hands on are parts of what was written to it. */
export class OffsetReader implements ByteSink, TarHandler {
  readonly #handler: OffsetHandler;
  readonly #reader = new TarReader(this);
  #chunk: Uint8Array = new Uint8Array(0);
  /** Bytes of the tarball before the chunk. */
  #before = 0;

  constructor(handler: OffsetHandler) {
    this.#handler = handler;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#chunk = bytes;
    await this.#reader.write(bytes);
    this.#before += bytes.length;
  }

  end(): Promise<void> {
    return this.#reader.end();
  }

  begin(member: TarMember): void {
    this.#handler.begin(member);
  }

  data(bytes: Uint8Array): void | Promise<void> {
    return this.#handler.data(bytes, this.#before + bytes.byteOffset - this.#chunk.byteOffset);
  }

  finish(): void | Promise<void> {
    return this.#handler.finish();
  }
}
