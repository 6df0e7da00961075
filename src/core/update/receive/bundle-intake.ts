import { BlocksParser } from '../../bundle/block-index-parser.js';
import { checkMember } from '../../bundle/members.js';
import { TarReader, type TarHandler, type TarMember } from '../../bundle/tar/tar-reader.js';
import { SluiceError } from '../../errors.js';
import type { ByteSink, HashName, Hasher, Platform } from '../../platform.js';
import type { Digests, Trust } from '../../trust/trust.js';
import { GzipFront } from '../../bundle/decode/gzip-front.js';
import type { ImageStream } from './image-stream.js';
import type { BundleKind } from '../report/receipt.js';
import { SmallMember } from '../../bundle/small-member.js';

/** Who an intake works for: an update session, or a check pass. */
export interface IntakeHost {
  /** An image begins; `size` is null when it is not known in advance. */
  beginImage(member: string, size: number | null): Promise<ImageStream>;
  /** An image has ended and is vouched for as far as can be known by now. */
  endImage(member: string, stream: ImageStream, digests: Digests): Promise<void>;
  /** A small member (MANIFEST, publickey, BLOCKS, any .sig) has come; trust is asked about it next. */
  smallMember(name: string, sha256: Uint8Array): void;
}

/** A reader of what arrives. */
export interface Intake extends ByteSink {
  readonly kind: BundleKind;
}

/** Takes one image's bytes, with nothing around them. */
export class SingleIntake implements Intake {
  readonly kind = 'single';
  readonly #member: string;
  readonly #size: number | null;
  readonly #trust: Trust;
  readonly #host: IntakeHost;
  #stream: ImageStream | null = null;

  /** @param size - bytes of the image, null when it is not known in advance */
  constructor(member: string, size: number | null, trust: Trust, host: IntakeHost) {
    this.#member = member;
    this.#size = size;
    this.#trust = trust;
    this.#host = host;
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#stream ??= await this.#host.beginImage(this.#member, this.#size);
    await this.#stream.write(bytes);
  }

  async end(): Promise<void> {
    const stream = this.#stream;
    if (stream === null) {
      throw new SluiceError('ERR_SOURCE_TRUNCATED', 'the source is empty', { member: this.#member });
    }
    await endImage(this.#member, stream, this.#trust, this.#host);
  }
}

/** Takes a tarball apart: small members to the trust, images to the streams that the host makes. */
export class TarIntake implements Intake, TarHandler {
  readonly #platform: Platform;
  readonly #trust: Trust;
  readonly #host: IntakeHost;
  readonly #front: ByteSink;
  #kind: BundleKind = 'stock';
  #member = '';
  #small: SmallMember | null = null;
  #smallHash: Hasher | null = null;
  #blocks: BlocksIntake | null = null;
  #image: ImageStream | null = null;

  constructor(platform: Platform, trust: Trust, host: IntakeHost) {
    this.#platform = platform;
    this.#trust = trust;
    this.#host = host;
    this.#front = new GzipFront(platform, new TarReader(this));
  }

  get kind(): BundleKind {
    return this.#kind;
  }

  write(bytes: Uint8Array): Promise<void> {
    return this.#front.write(bytes);
  }

  end(): Promise<void> {
    return this.#front.end();
  }

  begin({ name, size }: TarMember): void | Promise<void> {
    this.#member = name;
    const kind = checkMember(name, size);
    if (kind === 'image') return this.#beginImage(size);
    this.#smallHash = this.#platform.hasher('sha256');
    if (kind === 'blocks') {
      this.#kind = 'proven';
      this.#blocks = new BlocksIntake(size, this.#platform, this.#trust);
    } else {
      this.#small = new SmallMember(size);
    }
    return undefined;
  }

  data(bytes: Uint8Array): void | Promise<void> {
    if (this.#image !== null) return this.#image.write(bytes);
    (this.#smallHash as Hasher).update(bytes);
    this.#small?.write(bytes);
    this.#blocks?.write(bytes);
    return undefined;
  }

  async finish(): Promise<void> {
    if (this.#image !== null) {
      const stream = this.#image;
      this.#image = null;
      return endImage(this.#member, stream, this.#trust, this.#host);
    }
    // First, as that a source has changed since it was checked says more than what is wrong with it now.
    this.#host.smallMember(this.#member, (this.#smallHash as Hasher).digest());
    if (this.#small !== null) await this.#trust.member(this.#member, this.#small.bytes);
    if (this.#blocks !== null) await this.#blocks.end();
    this.#small = null;
    this.#blocks = null;
  }

  async #beginImage(size: number): Promise<void> {
    this.#image = await this.#host.beginImage(this.#member, size);
  }
}

async function endImage(member: string, stream: ImageStream, trust: Trust, host: IntakeHost): Promise<void> {
  const digests = await stream.end();
  await trust.image(member, stream.size, digests);
  await host.endImage(member, stream, digests);
}

/** BLOCKS on its way: parsed as it flows, hashed for its signature. */
class BlocksIntake {
  readonly #parser: BlocksParser;
  readonly #trust: Trust;
  readonly #hashers: readonly { name: HashName; hasher: Hasher }[];
  readonly #text: SmallMember | null;

  constructor(size: number, platform: Platform, trust: Trust) {
    this.#parser = new BlocksParser(size);
    this.#trust = trust;
    this.#hashers = trust.hashes().map((name) => ({ name, hasher: platform.hasher(name) }));
    this.#text = trust.keepsBlocksText ? new SmallMember(size) : null;
  }

  write(bytes: Uint8Array): void {
    this.#parser.write(bytes);
    this.#text?.write(bytes);
    for (const { hasher } of this.#hashers) hasher.update(bytes);
  }

  async end(): Promise<void> {
    const digests: Digests = {};
    for (const { name, hasher } of this.#hashers) digests[name] = hasher.digest();
    await this.#trust.blocks(this.#parser.end(), digests, this.#text?.bytes ?? null);
  }
}

/** A source that is one partition's bytes with nothing around them. */
export interface SingleSource {
  /** Member name that it would have in a bundle, such as `image-kernel`. */
  readonly member: string;
  /** Bytes; null when not known in advance. */
  readonly size: number | null;
}

/** The reader for a source: a tarball, perhaps compressed, or a single image. */
export function openIntake(
  platform: Platform,
  trust: Trust,
  host: IntakeHost,
  single: SingleSource | null,
): Intake {
  if (single !== null) return new SingleIntake(single.member, single.size, trust, host);
  return new TarIntake(platform, trust, host);
}
