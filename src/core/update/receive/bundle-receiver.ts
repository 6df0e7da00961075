import type {
  BundleHandler,
  BundleImage,
  BundleReader,
  IndexSink,
  PartSink,
} from '../../bundle/bundle-reader.js';
import { imageOf } from '../../bundle/image-name.js';
import { openBundleReader } from '../../bundle/open-bundle-reader.js';
import type { SingleSource } from '../../bundle/single-image.js';
import { SmallMember } from '../../bundle/small-member.js';
import { equalDigests } from '../../bytes.js';
import { SluiceError } from '../../errors.js';
import type { ByteSink, Platform } from '../../platform.js';
import type { Digests, Trust } from '../../trust/trust.js';
import type { BundleKind } from '../report/receipt.js';
import type { ImageStream } from './image-stream.js';

/** Who a receiver works for: an update session, or a check pass. */
export interface ReceiverHost {
  /** An image begins; `size` is null when it is not known in advance. */
  beginImage(member: string, size: number | null): Promise<ImageStream>;
  /** An image has ended and is vouched for as far as can be known by now. */
  endImage(member: string, stream: ImageStream, digests: Digests): Promise<void>;
  /** A small member (MANIFEST, publickey, BLOCKS, any .sig) has come; trust is asked about it next. */
  smallMember(name: string, sha256: Uint8Array): void;
}

/** Takes what arrives, in whatever container: small members to the trust, images to the streams that the host makes. */
export class BundleReceiver implements ByteSink, BundleHandler {
  readonly #platform: Platform;
  readonly #trust: Trust;
  readonly #host: ReceiverHost;
  readonly #reader: BundleReader;
  #kind: BundleKind;

  /** @param single - set if the source is one image with nothing around it */
  constructor(platform: Platform, trust: Trust, host: ReceiverHost, single: SingleSource | null) {
    this.#platform = platform;
    this.#trust = trust;
    this.#host = host;
    this.#kind = single === null ? 'stock' : 'single';
    this.#reader = openBundleReader(platform, this, single);
  }

  /** What the source is, as far as it has come. */
  get kind(): BundleKind {
    return this.#kind;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#reader.write(bytes);
  }

  end(): Promise<void> {
    return this.#reader.end();
  }

  async member(name: string, bytes: Uint8Array): Promise<void> {
    const hasher = this.#platform.hasher('sha256');
    hasher.update(bytes);
    // First, as that a source has changed since it was checked says more than what is wrong with it now.
    this.#host.smallMember(name, hasher.digest());
    await this.#trust.member(name, bytes);
  }

  /** Hashes the index for its signature as it flows; its text is kept only where the signature is over the text. */
  index(size: number): IndexSink {
    this.#kind = 'proven';
    const names = new Set(['sha256', ...this.#trust.hashes()] as const);
    const hashers = [...names].map((name) => ({ name, hasher: this.#platform.hasher(name) }));
    const text = this.#trust.keepsBlocksText ? new SmallMember(size) : null;
    return {
      write(bytes) {
        text?.write(bytes);
        for (const { hasher } of hashers) hasher.update(bytes);
      },
      end: async (index) => {
        const digests: Digests = {};
        for (const { name, hasher } of hashers) digests[name] = hasher.digest();
        this.#host.smallMember('BLOCKS', digests.sha256 as Uint8Array);
        await this.#trust.blocks(index, digests, text?.bytes ?? null);
      },
    };
  }

  async image({ partition, size, sha256 }: BundleImage): Promise<PartSink> {
    const member = imageOf(partition);
    const stream = await this.#host.beginImage(member, size);
    return {
      write: (bytes) => stream.write(bytes),
      end: () => this.#endImage(member, stream, sha256),
    };
  }

  async #endImage(member: string, stream: ImageStream, stated: Uint8Array | undefined): Promise<void> {
    const digests = await stream.end();
    if (stated !== undefined && !equalDigests(stated, digests.sha256 as Uint8Array)) {
      throw new SluiceError(
        'ERR_TRUST_IMAGE',
        `${member} does not have the SHA-256 that the bundle states for it`,
        { member },
      );
    }
    await this.#trust.image(member, stream.size, digests);
    await this.#host.endImage(member, stream, digests);
  }
}
