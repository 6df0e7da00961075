import type { BlockIndex } from '../../core/bundle/block-index.js';
import { BlocksParser } from '../../core/bundle/block-index-parser.js';
import { parseManifest, type Manifest } from '../../core/bundle/manifest.js';
import { checkMember, memberKind, type MemberKind } from '../../core/bundle/members.js';
import type { TarMember } from '../../core/bundle/tar/tar-reader.js';
import { asSluiceError, type SluiceError } from '../../core/errors.js';
import type { Hasher, HashName, Platform } from '../../core/platform.js';
import { ReceivedMembers } from '../../core/trust/received-members.js';
import type { Digests } from '../../core/trust/trust.js';
import { parseScheme, type Scheme } from '../../core/trust/scheme.js';
import { SmallMember } from '../../core/bundle/small-member.js';
import type { OffsetHandler } from './member-offsets.js';

/** Until MANIFEST has named one, any of them may be the one that the images are signed by. */
const ALL_HASHES: readonly HashName[] = ['sha256', 'sha384', 'sha512'];

/** A member as it was found. */
export interface FoundMember {
  readonly name: string;
  /** Null for something that no bundle has. */
  readonly kind: MemberKind | null;
  /** Bytes, as its header says. */
  readonly size: number;
  /** Where its bytes begin in the (decompressed) tarball; null when none have come. */
  offset: number | null;
  /** Whether all of it has come. */
  complete: boolean;
  /** Of a complete image, by hash. */
  digests: Digests;
}

/** Looks at all of a bundle and stops at nothing that it can go on behind. In constant memory. */
export class Inspection implements OffsetHandler {
  readonly members: FoundMember[] = [];
  /** What is wrong, in the order in which it was found. */
  readonly problems: SluiceError[] = [];
  /** The members that came whole; the bytes of BLOCKS are among the texts. */
  readonly received = new ReceivedMembers();
  /** Whether nothing has kept the rest from being read. */
  readToEnd = true;
  manifest: Manifest | null = null;
  /** By MANIFEST's HashType. */
  scheme: Scheme | null = null;
  index: BlockIndex | null = null;
  readonly #platform: Platform;
  #member: FoundMember | null = null;
  #bytes: SmallMember | null = null;
  #hashers: { readonly name: HashName; readonly hasher: Hasher }[] = [];

  constructor(platform: Platform) {
    this.#platform = platform;
  }

  /** The images that came whole. */
  get images(): FoundMember[] {
    return this.members.filter(({ kind, complete }) => kind === 'image' && complete);
  }

  begin({ name, size }: TarMember): void {
    const kind = this.#try(() => memberKind(name));
    const usable = kind !== null && this.#try(() => checkMember(name, size)) !== null;
    this.#member = { name, kind, size, offset: null, complete: false, digests: {} };
    this.members.push(this.#member);
    const kept = usable && kind !== 'image' && kind !== 'other-signature';
    this.#bytes = kept ? new SmallMember(size) : null;
    this.#hashers = kind === 'image' ? this.#hashesOfImages() : [];
  }

  data(bytes: Uint8Array, offset: number): void {
    if (this.#member !== null) this.#member.offset ??= offset;
    this.#bytes?.write(bytes);
    for (const { hasher } of this.#hashers) hasher.update(bytes);
  }

  finish(): void {
    const member = this.#member;
    if (member === null) return;
    member.complete = true;
    for (const { name, hasher } of this.#hashers) member.digests[name] = hasher.digest();
    if (member.kind === 'image') this.received.image(member.name, member.size, member.digests);
    if (this.#bytes === null) return;
    const { bytes } = this.#bytes;
    if (member.kind === 'blocks') this.received.texts.set(member.name, bytes);
    else this.received.member(member.name, bytes, false);
    if (member.name === 'MANIFEST') this.#try(() => this.#readManifest(bytes));
    if (member.name === 'BLOCKS') this.#try(() => this.#readBlocks(bytes));
  }

  /** Notes what keeps the rest from being read. */
  stoppedBy(thrown: unknown): void {
    this.readToEnd = false;
    this.problems.push(asSluiceError(thrown));
  }

  #hashesOfImages(): { name: HashName; hasher: Hasher }[] {
    const { hash } = this.scheme ?? {};
    const names = hash === undefined ? ALL_HASHES : new Set<HashName>(['sha256', hash ?? 'sha256']);
    return [...names].map((name) => ({ name, hasher: this.#platform.hasher(name) }));
  }

  #readManifest(bytes: Uint8Array): void {
    this.manifest = parseManifest(bytes);
    const { hashType } = this.manifest;
    if (hashType !== null) this.scheme = parseScheme(hashType);
  }

  #readBlocks(bytes: Uint8Array): void {
    const parser = new BlocksParser(bytes.length);
    parser.write(bytes);
    this.index = parser.end();
  }

  #try<T>(step: () => T): T | null {
    try {
      return step();
    } catch (thrown) {
      this.problems.push(asSluiceError(thrown));
      return null;
    }
  }
}
