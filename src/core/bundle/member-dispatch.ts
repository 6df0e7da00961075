import { BlocksParser } from './block-index-parser.js';
import type { BundleHandler, IndexSink, PartSink } from './bundle-reader.js';
import { partitionOf } from './image-name.js';
import { checkMember } from './members.js';
import { SmallMember } from './small-member.js';
import type { TarHandler, TarMember } from './tar/tar-reader.js';

/**
 * Hands members that have names, as they are in a tarball or in a folder, to a BundleHandler: images as they come, small
 * members whole, BLOCKS parsed.
 */
export class MemberDispatch implements TarHandler {
  readonly #handler: BundleHandler;
  #part: PartSink | null = null;

  constructor(handler: BundleHandler) {
    this.#handler = handler;
  }

  /** @throws SluiceError ERR_BUNDLE_MEMBER, ERR_BUNDLE_MEMBER_SIZE */
  async begin({ name, size }: TarMember): Promise<void> {
    switch (checkMember(name, size)) {
      case 'image':
        this.#part = await this.#handler.image({ partition: partitionOf(name), size });
        break;
      case 'blocks':
        this.#part = parsing(size, await this.#handler.index(size));
        break;
      case 'other-signature': {
        const { otherSignature } = this.#handler;
        this.#part =
          otherSignature === undefined ? null : collecting(size, (bytes) => otherSignature(name, bytes));
        break;
      }
      default:
        this.#part = collecting(size, (bytes) => this.#handler.member(name, bytes));
    }
  }

  data(bytes: Uint8Array): void | Promise<void> {
    return this.#part?.write(bytes);
  }

  finish(): void | Promise<void> {
    return this.#part?.end();
  }
}

function collecting(size: number, take: (bytes: Uint8Array) => void | Promise<void>): PartSink {
  const member = new SmallMember(size);
  return { write: (bytes) => member.write(bytes), end: () => take(member.bytes) };
}

function parsing(size: number, sink: IndexSink): PartSink {
  const parser = new BlocksParser(size);
  return {
    write(bytes) {
      sink.write(bytes);
      parser.write(bytes);
    },
    end: () => sink.end(parser.end()),
  };
}
