import { imageOf, partitionOf } from '../bundle/image-name.js';
import type { BlockIndex } from '../bundle/block-index.js';
import { equalDigests, toHex } from '../bytes.js';
import { EXIT, SluiceError, type FlashState } from '../errors.js';
import type { FlashTarget, OperationOptions } from '../flash/device.js';
import type { Platform } from '../platform.js';
import type { Digests, Proof, Trust, TrustPolicy } from '../trust/trust.js';
import { imagesBeside, PART_IMAGES } from '../trust/image-set.js';
import { BufferPair } from './receive/block-assembler.js';
import type { CheckResult } from './check/check-pass.js';
import { identityOf, type ImageFact } from './report/bundle-identity.js';
import type { BlockProof, ImageStream } from './receive/image-stream.js';
import { BundleReceiver, type ReceiverHost } from './receive/bundle-receiver.js';
import type { SingleSource } from '../bundle/single-image.js';
import { Journal } from './resume/journal.js';
import type { JournalStore } from './resume/journal-store.js';
import type { Observer, Phase } from './report/observer.js';
import { openImage } from './receive/open-image.js';
import { outcomeOf, type Outcome, type ProvenBy, type Receipt } from './report/receipt.js';
import { summaryOf } from './report/summary.js';
import { changedMember } from '../bundle/small-member.js';
import { unfinishedIn } from './resume/unfinished.js';
import { WritePlan } from './write-plan.js';

/** Options of an update session. The target stays the caller's: the session does not close it. */
export interface SessionOptions extends OperationOptions {
  readonly platform: Platform;
  readonly target: FlashTarget;
  readonly trust: Trust;
  readonly policy: TrustPolicy;
  /** Partitions to write; null for all that the bundle has images for. */
  readonly only?: readonly string[] | null;
  /** Partitions that are written even if they are mounted or otherwise in use. */
  readonly forceMounted?: readonly string[];
  /** Set when the source is one partition's bytes and no tarball. */
  readonly single?: SingleSource | null;
  /** What a check pass over the same source has found. */
  readonly expect?: CheckResult | null;
  readonly observer?: Observer;
  /** Where what an interrupted session leaves behind is kept; null for nowhere: then a torn block may be taken as right. */
  readonly journal?: JournalStore | null;
  /** Sessions with one bundle that may make no progress, 10 if left out; 0 for no limit. */
  readonly resumeLimit?: number;
}

/** The steps of a session; session.ts sees to their order and to what happens after a failure. */
export class SessionSteps implements ReceiverHost {
  readonly #options: SessionOptions;
  readonly #observer: Observer;
  readonly #started: number;
  readonly #receiver: BundleReceiver;
  readonly #plan: WritePlan;
  readonly #buffers = new BufferPair();
  readonly #images = new Map<string, ImageFact>();
  readonly #members = new Set<string>();
  #stream: ImageStream | null = null;
  #proof: Proof | null = null;
  #received = 0;
  #halted = false;
  #stopped = false;
  #proven = false;
  /** Identity of the bundle, made once when all is proven. */
  #finalIdentity: string | null = null;
  /** Whether the session waits between its proof and its commit. */
  #waits = false;
  #committed = false;
  /** Whether partitions may be incomplete since an earlier session; looked up when this one has failed. */
  #unfinished = false;
  /** Partitions that may be incomplete since an earlier session, and that this one has not written; after the commit. */
  #leftOver: readonly string[] = [];

  constructor(options: SessionOptions) {
    const { platform, trust, single = null, target, policy, observer = {}, signal } = options;
    const { only = null, forceMounted = [], expect = null } = options;
    this.#options = options;
    this.#observer = observer;
    this.#started = platform.now();
    requireFit(options);
    const changes = new Map(
      expect?.forecasts.map(({ partition, changed }) => [partition.name, changed.length]),
    );
    this.#plan = new WritePlan(target, { platform, policy, observer, signal, only, forceMounted, changes });
    this.#receiver = new BundleReceiver(platform, trust, this, single);
    this.#enter('receiving');
  }

  #enter(phase: Phase): void {
    this.#options.platform.debug?.('session', `${phase} after ${this.#received} bytes of the source`);
    this.#observer.phase?.(phase);
  }

  async write(bytes: Uint8Array): Promise<void> {
    this.#throwIfStopped();
    await this.#receiver.write(bytes);
    this.#received += bytes.length;
    this.#observer.received?.(this.#received);
  }

  /** Whether all of the bundle is verified and everything but the held blocks is in flash. */
  get isProven(): boolean {
    return this.#proven;
  }

  /**
   * Ends the bundle, verifies all of it, and reads back once more what was written.
   * @param waits - whether the commit does not come at once
   */
  async prove(waits: boolean): Promise<void> {
    this.#throwIfStopped();
    await this.#receiver.end();
    this.#enter('checking');
    this.#checkComplete();
    this.#proof = await this.#options.trust.finish();
    this.#plan.finish();
    await this.#plan.clearBehind();
    await this.#plan.sync();
    // Before a commit that comes at once this is the last look at the images, so it is one at all of their blocks.
    if (waits || !this.#plan.willWrite) await this.#plan.recheck(this.#buffers);
    else await this.#plan.recheckAll(this.#buffers);
    // A session that waits may be killed at any time: the record must not call a block torn that is not.
    if (waits) await this.#plan.journal?.checkpoint({ changed: this.#plan.changed });
    this.#throwIfStopped();
    this.#waits = waits;
    this.#proven = true;
    this.#enter('proven');
  }

  /** Call after `prove`. Opens the gates; from then on it cannot be stopped. */
  async commit(): Promise<void> {
    this.#throwIfStopped();
    this.#enter('committing');
    // While the session waited, another process may have written to the flash, to unchanged blocks too. To read the
    // images once more takes seconds; to open a gate in front of other bytes may take the board.
    if (this.#waits) await this.#plan.recheckAll(this.#buffers);
    this.#throwIfStopped();
    await this.#plan.openGates(this.#buffers);
    await this.#plan.sync();
    this.#committed = true;
    this.#leftOver = (await this.#plan.journal?.done(this.#isWhole)) ?? [];
    this.#enter('done');
  }

  /** After a failure: no further block is handed on, and what is under way ends as soon as it notices. */
  halt(): void {
    this.#halted = true;
    this.#stream?.abandon();
  }

  /**
   * Call after `halt`, when no call is under way. Resolves when the flash is at rest.
   * @param error - why
   */
  async stop(error: SluiceError): Promise<void> {
    await this.#stream?.settled();
    this.#stream = null;
    if (!this.#stopped) {
      this.#options.platform.debug?.('session', `${error.code}: ${error.message}`);
      await this.#plan.tellUnreadable();
      // A block on which the flash has failed may be as torn as one that was cut.
      const { code, exit, row } = error;
      const { changed, journal } = this.#plan;
      if (row.stage !== 'flash' && exit !== EXIT.flash) await journal?.checkpoint({ changed });
      // If another session is writing, its journal is not one that was left behind.
      if (code !== 'ERR_BUSY_FLASH')
        this.#unfinished = journal?.hasPrevious ?? (await this.#findUnfinished());
      this.#enter('failed');
    }
    this.#stopped = true;
  }

  get flashState(): FlashState {
    if (this.#committed) return this.#leftOver.length === 0 ? 'complete' : 'partial';
    return this.#plan.changed || this.#unfinished ? 'partial' : 'untouched';
  }

  async beginImage(member: string, size: number | null): Promise<ImageStream> {
    this.#throwIfStopped();
    const proof = this.#proofOf(member, size);
    const index = this.#wholeIndex;
    const { trust, single = null } = this.#options;
    const known = index === null ? { companions: trust.beforeUnproven(member, size, single !== null) } : {};
    this.#plan.journal ??= await this.#openJournal();
    if (index !== null) await this.#plan.prepare(index);
    else await this.#plan.foresee(this.#mayCome(member));
    this.#options.platform.debug?.('session', `image ${member}, ${size ?? 'an unknown number of'} bytes`);
    const image = { member, size, proof, collect: false };
    const stream = await openImage(image, { ...this.#options, buffers: this.#buffers }, (blockSize) =>
      this.#plan.slices(member, size, blockSize, known),
    );
    this.#throwIfStopped();
    this.#stream = stream;
    return stream;
  }

  async endImage(member: string, stream: ImageStream, digests: Digests): Promise<void> {
    const sha256 = digests.sha256 as Uint8Array;
    this.#images.set(member, { member, size: stream.size, sha256 });
    const name = partitionOf(member);
    for (const writer of this.#plan.writers) {
      if (writer.partition.name === name) writer.receipt.sha256 = toHex(sha256);
      // A part that this image was cut into.
      else if (writer.receipt.sha256 === null && writer.receipt.blocks > 0)
        writer.receipt.sha256 = writer.digest();
    }
    this.#stream = null;
  }

  smallMember(name: string, sha256: Uint8Array): void {
    this.#members.add(name);
    const { expect = null } = this.#options;
    if (expect === null) return;
    const before = expect.members.get(name);
    if (before === undefined) throw changedMember(name, 'was not there');
    if (!equalDigests(before, sha256)) throw changedMember(name, 'was another');
  }

  receipt(error: SluiceError | null): Receipt {
    const { platform, policy, journal } = this.#options;
    const { resumedFrom = null, attempt = 1 } = this.#plan.journal ?? {};
    const wear = journal?.wear;
    const { machine, version } = this.#described;
    const outcome: Outcome = error !== null ? outcomeOf(error) : this.#committed ? 'committed' : 'proven';
    return {
      outcome,
      code: error?.code ?? null,
      message: error?.message ?? summaryOf(this.#plan.writers, this.#committed, this.#leftOver),
      flash: this.flashState,
      bundle: { identity: this.#identity, kind: this.#receiver.kind, version, machine },
      trust: { policy, by: this.#provenBy, key: this.#key },
      partitions: Object.fromEntries(
        this.#plan.writers.map(({ partition, receipt }) => [partition.name, { ...receipt }]),
      ),
      session: {
        resumedFrom,
        attempt,
        journal: wear === undefined ? null : { ...wear },
      },
      times: { wall: (platform.now() - this.#started) / 1000, flash: this.#plan.flashTime / 1000 },
      memory: { peakRss: platform.peakRss() },
    };
  }

  async #findUnfinished(): Promise<boolean> {
    const { journal = null, platform, target } = this.#options;
    return (await unfinishedIn(journal, platform, target)).length > 0;
  }

  async #openJournal(): Promise<Journal | null> {
    const { journal: store = null, platform, target, policy, resumeLimit } = this.#options;
    if (store === null) return null;
    const bundle = this.#identity;
    const proven = `${policy} ${this.#provenBy}`;
    return Journal.open(
      { store, platform, target, observer: this.#observer, resumeLimit },
      { bundle, proven },
    );
  }

  /** What is known of all images before they come. */
  get #wholeIndex(): BlockIndex | null {
    return this.#options.expect?.index ?? this.#options.trust.index;
  }

  /** The system key that vouches for what was written, also when the session fails after that is known. */
  get #key(): string | null {
    const { expect = null, trust } = this.#options;
    return this.#proof?.key ?? expect?.proof.key ?? trust.indexKey;
  }

  get #provenBy(): ProvenBy {
    const { expect = null, policy, trust } = this.#options;
    if (policy === 'unsigned') return 'none';
    if (expect !== null) return 'check-pass';
    if (trust.index !== null) return 'index';
    return this.#proof === null ? 'none' : 'signature';
  }

  /** Images that may come with the one that has come first, if nothing says which ones will. */
  #mayCome(first: string): readonly string[] {
    const { single = null, only = null } = this.#options;
    if (single !== null) return [single.member];
    return only?.map(imageOf) ?? imagesBeside(first);
  }

  /** Whether every image that a board of OpenBMC has was written. */
  get #isWhole(): boolean {
    const { only = null } = this.#options;
    return only === null && PART_IMAGES.every((member) => this.#images.has(member));
  }

  #proofOf(member: string, size: number | null): BlockProof | null {
    const { expect = null, policy, trust } = this.#options;
    const index = this.#wholeIndex;
    if (index === null) {
      if (policy !== 'before-erase') return null;
      throw new SluiceError(
        'ERR_TRUST_NOT_AHEAD',
        `${member} begins, and no proven block index has come before it`,
        { member },
      );
    }
    const image = index.images.get(member);
    if (image !== undefined && (size === null || size === image.size))
      return { index: image, made: expect !== null, whole: expect !== null || trust.proves };
    if (expect !== null)
      throw changedMember(member, image === undefined ? 'was not there' : 'had another size');
    const how =
      image === undefined
        ? 'is not in the block index'
        : `has ${size} bytes, not the ${image.size} of the block index`;
    throw new SluiceError('ERR_TRUST_INDEX', `${member} ${how}`, { member });
  }

  /** The second reading must have shown everything that the first one did. */
  #checkComplete(): void {
    const { expect = null } = this.#options;
    if (expect === null) return;
    for (const name of expect.members.keys()) {
      if (!this.#members.has(name)) throw changedMember(name, 'is missing now, it was there');
    }
    for (const name of expect.index.images.keys()) {
      if (!this.#images.has(name)) throw changedMember(name, 'is missing now, it was there');
    }
  }

  /** What the bundle says of itself, as far as it is proven. */
  get #described(): { readonly machine: string | null; readonly version: string | null } {
    const { manifest, index } = this.#options.trust;
    // If there are both, they say the same.
    const { machine = null, version = null } = manifest ?? index ?? {};
    return { machine, version };
  }

  get #identity(): string | null {
    const { expect = null, platform, trust } = this.#options;
    if (expect !== null) return expect.identity;
    if (this.#finalIdentity !== null) return this.#finalIdentity;
    const images = trust.index?.images.values() ?? (this.#proven ? this.#images.values() : null);
    if (images === null) return null;
    const { machine, version } = this.#described;
    const identity = identityOf(platform, machine, version, images);
    if (this.#proven) this.#finalIdentity = identity;
    return identity;
  }

  #throwIfStopped(): void {
    if (!this.#halted && this.#options.signal?.aborted !== true) return;
    throw new SluiceError('ERR_SESSION_INTERRUPTED', 'the update was stopped');
  }
}

/** What the receipt will say of how it was proven must be so. */
function requireFit({ trust, policy, expect = null }: SessionOptions): void {
  const proves = policy !== 'unsigned';
  if (trust.proves === proves && (expect === null || expect.proven || !proves)) return;
  throw new SluiceError(
    'ERR_SESSION_STATE',
    `the policy ${policy} does not go with a trust that proves ${trust.proves ? 'all' : 'nothing'}`,
  );
}
