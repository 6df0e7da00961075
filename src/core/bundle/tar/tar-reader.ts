/**
 * A streaming tar reader for bundles: flat archives of plain files. What other tars tolerate and this one
 * does not: a missing end-of-archive marker (GNU tar reads on without a word; here its absence shows that the stream is
 * truncated), a lone zero block, filler that is not zero, members twice, and bytes behind the end.
 *
 * @packageDocumentation
 */
import { SluiceError } from '../../errors.js';
import { notATarball } from '../../known-format.js';
import { StickyFailure } from '../../sticky-failure.js';
import { isExtension, TarExtension } from './extension.js';
import { allZero, readTarHeader, TAR_BLOCK, type TarHeader } from './header.js';
import { type TarLimits, tarLimits } from './limits.js';
import { isFolder, memberName } from './name.js';
import { requirePlainFile } from './type.js';

/** One plain file of a tarball. */
export interface TarMember {
  /** In printable ASCII; flat, or `FOLDER/publickey` or `FOLDER/NAME.sig`. */
  readonly name: string;
  /** Bytes. */
  readonly size: number;
}

/**
 * Takes what is in the tarball: for each member `begin`, then `data` as often as it takes, never for nothing
 * and never more than `size` bytes, then `finish`. A promise holds the reader back until it settles; the
 * reader goes on at once where there is none.
 */
export interface TarHandler {
  begin(member: TarMember): void | Promise<void>;
  /** Takes bytes of the member, a part of what was written to the reader: valid until the promise settles. */
  data(bytes: Uint8Array): void | Promise<void>;
  finish(): void | Promise<void>;
}

/**
 * Reads a tarball in chunks of any size, without queueing or copying any of it but an unfinished header and
 * the small bodies of extension headers. After an error it stays failed with that error.
 */
export class TarReader {
  readonly #handler: TarHandler;
  readonly #limits: TarLimits;
  readonly #names = new Set<string>();
  readonly #block = new Uint8Array(TAR_BLOCK);

  readonly #extension = new TarExtension();
  readonly #failure = new StickyFailure();

  /** The extension header whose body is being read. */
  #reading: { readonly type: string; readonly body: Uint8Array } | null = null;
  /** Bytes that are there of that body, or else of the header block. */
  #gathered = 0;

  #member: TarMember | null = null;
  /** Bytes that are still to come of the member, then of its filler. */
  #left = 0;
  #padding = 0;

  #entries = 0;
  /** Whether no header has been read yet: only the first block can show another format. */
  #first = true;
  /** Zero blocks that were seen; two end the archive. */
  #zeroBlocks = 0;
  #trailing = 0;

  /** @throws SluiceError ERR_USAGE_OPTION for a limit that is not a whole number */
  constructor(handler: TarHandler, limits?: Partial<TarLimits>) {
    this.#handler = handler;
    this.#limits = tarLimits(limits);
  }

  /**
   * Takes the next bytes of the tarball; resolves when the handler has taken all of them. The bytes must stay
   * as they are until then. One call at a time.
   *
   * @throws SluiceError ERR_BUNDLE_TAR_*, ERR_SOURCE_FORMAT, ERR_SOURCE_TRAILING, ERR_SESSION_STATE; and what the handler throws
   */
  async write(chunk: Uint8Array): Promise<void> {
    await this.#failure.run(async () => {
      let at = 0;
      while (at < chunk.length) {
        if (this.#left > 0) {
          const end = Math.min(chunk.length, at + this.#left);
          // A promise that is not there is not awaited: that would cost a microtask a chunk.
          const taken = this.#handler.data(
            at === 0 && end === chunk.length ? chunk : chunk.subarray(at, end),
          );
          if (taken !== undefined) await taken;
          this.#left -= end - at;
          at = end;
          if (this.#left > 0) continue;
          const finished = this.#handler.finish();
          if (finished !== undefined) await finished;
        } else if (this.#reading !== null) {
          at = this.#gather(chunk, at, this.#reading.body);
          if (this.#gathered === this.#reading.body.length) this.#endExtension();
        } else if (this.#padding > 0) {
          at = this.#skipPadding(chunk, at);
        } else if (this.#zeroBlocks === 2) {
          at = this.#skipTrailing(chunk, at);
        } else {
          const inPlace = this.#gathered === 0 && chunk.length - at >= TAR_BLOCK;
          const block = inPlace ? chunk.subarray(at, at + TAR_BLOCK) : this.#block;
          at = inPlace ? at + TAR_BLOCK : this.#gather(chunk, at, block);
          if (!inPlace && this.#gathered < TAR_BLOCK) continue;
          this.#gathered = 0;
          const member = this.#header(block);
          if (member === null) continue;
          const begun = this.#handler.begin(member);
          if (begun !== undefined) await begun;
          if (member.size > 0) continue;
          const finished = this.#handler.finish();
          if (finished !== undefined) await finished;
        }
      }
    });
  }

  /**
   * Says that no more bytes come.
   * @throws SluiceError ERR_SOURCE_TRUNCATED when the end-of-archive marker has not come; ERR_SOURCE_FORMAT;
   * ERR_SESSION_STATE
   */
  end(): Promise<void> {
    return this.#failure.run(async () => {
      if (this.#zeroBlocks === 2) return;
      const other = this.#first ? notATarball(this.#block.subarray(0, this.#gathered)) : null;
      throw other ?? new SluiceError('ERR_SOURCE_TRUNCATED', this.#whereCut());
    }, true);
  }

  /** Copies what fits into `body`; returns the place in the chunk behind it. */
  #gather(chunk: Uint8Array, at: number, body: Uint8Array): number {
    const end = Math.min(chunk.length, at + body.length - this.#gathered);
    body.set(chunk.subarray(at, end), this.#gathered);
    this.#gathered += end - at;
    return end;
  }

  /** Takes one whole header block; returns the member that starts with it, if one does. */
  #header(block: Uint8Array): TarMember | null {
    if (allZero(block)) {
      this.#extension.refusePending('the end of the archive');
      this.#zeroBlocks++;
      return null;
    }
    if (this.#zeroBlocks > 0) {
      throw new SluiceError(
        'ERR_BUNDLE_TAR_HEADER',
        'a single zero block stands where only two may: inside the archive',
      );
    }
    const header = this.#read(block);
    this.#padding = -header.size & (TAR_BLOCK - 1);
    if (isExtension(header.type)) {
      this.#beginExtension(header);
      return null;
    }
    this.#countEntry();
    return this.#beginMember(this.#extension.apply(header));
  }

  #read(block: Uint8Array): TarHeader {
    try {
      return readTarHeader(block);
    } catch (thrown) {
      throw (this.#first ? notATarball(block) : null) ?? thrown;
    } finally {
      this.#first = false;
    }
  }

  #beginMember({ type, name: raw, size }: TarHeader): TarMember | null {
    const folder = type === '5' && isFolder(raw) && size === 0;
    if (!folder) requirePlainFile(type, raw);
    const name = folder
      ? `${raw.replace(/^\.\/?/, '').replace(/\/$/, '')}/`
      : memberName(raw, this.#limits.name);
    if (this.#names.has(name)) {
      throw new SluiceError('ERR_BUNDLE_TAR_DUPLICATE', `the member ${name} is there twice`, {
        member: name,
      });
    }
    this.#names.add(name);
    if (size > this.#limits.memberSize) {
      throw new SluiceError(
        'ERR_BUNDLE_TAR_LIMIT',
        `the member ${name} has ${size} bytes; at most ${this.#limits.memberSize} are allowed`,
        { member: name },
      );
    }
    this.#padding = -size & (TAR_BLOCK - 1);
    this.#left = size;
    this.#member = folder ? null : { name, size };
    return this.#member;
  }

  #beginExtension(header: TarHeader): void {
    const { type, size } = header;
    if (size > this.#limits.extension) {
      throw new SluiceError(
        'ERR_BUNDLE_TAR_LIMIT',
        `an extension header of type ${type} has ${size} bytes; at most ${this.#limits.extension} are allowed`,
      );
    }
    if (type === 'g') this.#countEntry();
    this.#member = null;
    this.#reading = { type, body: new Uint8Array(size) };
    if (size === 0) this.#endExtension();
  }

  #endExtension(): void {
    if (this.#reading !== null) this.#extension.take(this.#reading.type, this.#reading.body);
    this.#reading = null;
    this.#gathered = 0;
  }

  #countEntry(): void {
    if (++this.#entries > this.#limits.members) {
      throw new SluiceError(
        'ERR_BUNDLE_TAR_LIMIT',
        `the tarball has more than ${this.#limits.members} members`,
      );
    }
  }

  #skipPadding(chunk: Uint8Array, at: number): number {
    const end = Math.min(chunk.length, at + this.#padding);
    if (!allZero(chunk, at, end)) {
      const name = this.#member?.name;
      throw new SluiceError(
        'ERR_BUNDLE_TAR_PADDING',
        `the filler behind ${name ?? 'an extension header'} is not zero`,
        { member: name },
      );
    }
    this.#padding -= end - at;
    return end;
  }

  #skipTrailing(chunk: Uint8Array, at: number): number {
    if (!allZero(chunk, at)) {
      throw new SluiceError(
        'ERR_SOURCE_TRAILING',
        'there is something other than zeros after the end of the tarball',
      );
    }
    this.#trailing += chunk.length - at;
    if (this.#trailing > this.#limits.trailing) {
      throw new SluiceError(
        'ERR_SOURCE_TRAILING',
        `there are more than ${this.#limits.trailing} zeros after the end of the tarball`,
      );
    }
    return chunk.length;
  }

  #whereCut(): string {
    const ends = 'the tarball ends';
    if (this.#left > 0 && this.#member !== null) {
      return `${ends} ${this.#left} bytes before the end of ${this.#member.name}, which has ${this.#member.size}`;
    }
    if (this.#padding > 0 || this.#reading !== null || this.#gathered > 0) return `${ends} inside a block`;
    if (this.#zeroBlocks === 1) return `${ends} after one zero block; two mark its end`;
    return this.#entries === 0
      ? 'the tarball is empty'
      : `${ends} without the two zero blocks that mark its end`;
  }
}
