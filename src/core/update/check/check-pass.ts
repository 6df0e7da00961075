import { partitionOf } from '../../bundle/image-name.js';
import type { BlockIndex, ImageIndex } from '../../bundle/block-index.js';
import type { Manifest } from '../../bundle/manifest.js';
import { SluiceError } from '../../errors.js';
import type { FlashTarget, OperationOptions } from '../../flash/device.js';
import type { ByteSink, Platform } from '../../platform.js';
import { quoteName } from '../../text.js';
import type { Digests, Proof, Trust } from '../../trust/trust.js';
import { BufferPair } from '../receive/block-assembler.js';
import { identityOf } from '../report/bundle-identity.js';
import type { ImageStream, Slice } from '../receive/image-stream.js';
import { BundleReceiver, type ReceiverHost } from '../receive/bundle-receiver.js';
import type { SingleSource } from '../../bundle/single-image.js';
import type { Observer } from '../report/observer.js';
import { PartitionForecast } from './forecast.js';
import { useOf } from '../plan/in-use-check.js';
import { openImage } from '../receive/open-image.js';
import { Routes } from '../plan/routes.js';
import type { BundleKind, Receipt } from '../report/receipt.js';
import type { MemberDigests } from '../../bundle/small-member.js';

/** What a check pass has found: enough to write the same bundle without trusting its second reading. */
export interface CheckResult {
  readonly identity: string;
  readonly kind: BundleKind;
  readonly manifest: Manifest | null;
  readonly proof: Proof;
  /** Whether signatures were checked. */
  readonly proven: boolean;
  /** Digests of every block of every image. */
  readonly index: BlockIndex;
  readonly members: MemberDigests;
  /** What a write would do, for each partition; empty without a flash. */
  readonly forecasts: readonly PartitionForecast[];
}

/** Options of a check pass. */
export interface CheckOptions extends OperationOptions {
  readonly platform: Platform;
  readonly trust: Trust;
  /** The flash that the bundle is for; null when there is none at hand. */
  readonly target: FlashTarget | null;
  /** Compare with what the flash holds. */
  readonly forecast: boolean;
  readonly only: readonly string[] | null;
  readonly single: SingleSource | null;
  readonly observer: Observer;
}

/** Streams a bundle once, with nothing written: verifies all of it and keeps a digest of each block. */
export class CheckPass implements ByteSink, ReceiverHost {
  readonly #options: CheckOptions;
  readonly #receiver: BundleReceiver;
  readonly #plan: Routes | null;
  readonly #buffers = new BufferPair();
  readonly #images = new Map<string, ImageIndex>();
  readonly #members = new Map<string, Uint8Array>();
  readonly #forecasts: PartitionForecast[] = [];
  #indexAhead = false;
  #received = 0;

  constructor(options: CheckOptions) {
    this.#options = options;
    this.#plan = options.target === null ? null : new Routes(options.target, options.only);
    this.#receiver = new BundleReceiver(options.platform, options.trust, this, options.single);
  }

  /**
   * Whether the bundle turned out to prove its blocks by itself: an image has begun and a proven index was
   * there. A caller that only wants to know whether a check pass is needed may stop here.
   */
  get indexAhead(): boolean {
    return this.#indexAhead;
  }

  /** What is known of the bundle so far, for the receipt of one that is refused; null where nothing is proven. */
  get seen(): { kind: BundleKind } & Pick<Receipt['bundle'], 'version' | 'machine'> {
    const { manifest, index } = this.#options.trust;
    const { machine = null, version = null } = manifest ?? index ?? {};
    return { kind: this.#receiver.kind, version, machine };
  }

  async write(bytes: Uint8Array): Promise<void> {
    if (this.#options.signal?.aborted === true) {
      throw new SluiceError('ERR_SESSION_INTERRUPTED', 'the check was stopped');
    }
    await this.#receiver.write(bytes);
    this.#received += bytes.length;
    this.#options.observer.received?.(this.#received);
  }

  async end(): Promise<void> {
    await this.#receiver.end();
  }

  /** Call after `end`. Verifies that the bundle is complete. */
  async result(): Promise<CheckResult> {
    const { platform, trust } = this.#options;
    const proof = await trust.finish();
    this.#plan?.finish();
    const images = this.#images;
    const machine = proof.manifest?.machine ?? trust.index?.machine ?? null;
    const version = proof.manifest?.version ?? trust.index?.version ?? null;
    return {
      identity: identityOf(platform, machine, version, images.values()),
      kind: this.#receiver.kind,
      manifest: proof.manifest,
      proof,
      proven: trust.proves,
      index: {
        machine: machine ?? '',
        version: version ?? '',
        securityVersion: trust.index?.securityVersion ?? null,
        images,
      },
      members: this.#members,
      forecasts: this.#forecasts,
    };
  }

  async beginImage(member: string, size: number | null): Promise<ImageStream> {
    const { trust, observer } = this.#options;
    const index = trust.index?.images.get(member) ?? null;
    this.#indexAhead ||= trust.index !== null;
    const proof = index === null ? null : { index, made: false, whole: false };
    const image = { member, size, proof, collect: true };
    return openImage(image, { ...this.#options, buffers: this.#buffers }, async (blockSize) => {
      const slices = await this.#slices(member, size ?? index?.size ?? null, blockSize);
      observer.image?.(member, partitionOf(member), 0, null);
      return slices;
    });
  }

  async endImage(member: string, stream: ImageStream, digests: Digests): Promise<void> {
    this.#images.set(member, {
      member,
      partition: partitionOf(member),
      size: stream.size,
      blockSize: stream.blockSize,
      sha256: digests.sha256 as Uint8Array,
      digests: stream.blockDigests,
    });
  }

  smallMember(name: string, sha256: Uint8Array): void {
    this.#members.set(name, sha256);
  }

  async #slices(member: string, size: number | null, blockSize: number): Promise<Slice[]> {
    const { forecast, signal, platform, observer } = this.#options;
    const slices: Slice[] = [];
    for (const { partition, offset, length } of this.#plan?.routes(member, size, blockSize) ?? []) {
      const { eraseSize } = partition.device.geometry;
      if (!forecast) continue;
      const use = await useOf(partition);
      if (use !== null)
        observer.warn?.(`partition ${quoteName(partition.name)} is ${use}; a write would be refused`);
      const sink = await PartitionForecast.open(partition, length, platform, { signal });
      this.#forecasts.push(sink);
      slices.push({ sink, offset, length, eraseSize });
    }
    return slices;
  }
}
