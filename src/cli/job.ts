import { imageOf, partitionOf } from '../core/bundle/image-name.js';
import { loadKeys } from '../host/node/keys.js';
import { nodePlatform } from '../host/node/platform.js';
import { SluiceError } from '../core/errors.js';
import type { FlashTarget } from '../core/flash/device.js';
import { openFlash } from '../host/node/flash/open-flash.js';
import { openSource } from '../host/node/sources/open-source.js';
import type { Source } from '../host/node/sources/source.js';
import type { Platform } from '../core/platform.js';
import { OpenBmcTrust } from '../core/trust/openbmc-trust.js';
import type { Trust, TrustPolicy } from '../core/trust/trust.js';
import type { AcceptanceRules } from '../core/trust/acceptance-rules.js';
import type { KeyStore } from '../core/trust/key-store.js';
import { SingleImageTrust } from '../core/trust/single-image-trust.js';
import { UnsignedTrust } from '../core/trust/unsigned-trust.js';
import { CheckPass, type CheckResult } from '../core/update/check/check-pass.js';
import type { SingleSource } from '../core/bundle/single-image.js';
import type { JournalStore } from '../core/update/resume/journal-store.js';
import type { Observer } from '../core/update/report/observer.js';
import { requirePartitions } from '../core/update/plan/known-partitions.js';
import { assertSourceIsNotTarget } from './apart.js';
import { readConfig } from '../config/config.js';
import { DEFAULT_KEYS, guardOf, namesOf, policyOf } from '../config/job-options.js';
import { sideFilesOf, type SideFiles } from './side-files.js';
import { CommandState } from './state.js';
import type { Invocation } from '../config/invocation.js';
import { resumeLimitOf } from '../config/state-options.js';

/** What `write` and `verify` work with, made of options, configuration and this machine. */
export class Job {
  readonly platform: Platform;
  readonly source: Source;
  readonly policy: TrustPolicy;
  readonly only: readonly string[] | null;
  /** Partitions to write even if something else uses them. */
  readonly forceMounted: readonly string[];
  readonly single: SingleSource | null;
  readonly target: FlashTarget | null;
  /** Null for a command that does not write, and where none is kept. */
  readonly journal: JournalStore | null;
  readonly resumeLimit: number | undefined;
  /** Null for a command that does not write. */
  readonly state: CommandState | null;
  readonly #guard: AcceptanceRules;
  readonly #keys: KeyStore | null;
  readonly #sides: SideFiles | null;
  readonly #signal: AbortSignal;
  /** The source names its hash behind its images, and it is none that the keys of this board use. */
  #allHashes = false;
  #seen: () => Partial<CheckPass['seen']> = () => ({});

  private constructor(parts: JobParts) {
    this.platform = parts.platform;
    this.source = parts.source;
    this.policy = parts.policy;
    this.only = parts.only;
    this.forceMounted = parts.forceMounted;
    this.target = parts.target;
    this.journal = parts.journal;
    this.resumeLimit = parts.resumeLimit;
    this.state = parts.state;
    this.#guard = parts.guard;
    this.#keys = parts.keys;
    this.#sides = parts.sides;
    this.#signal = parts.signal;
    this.single = parts.sides && { member: parts.sides.member, size: parts.source.size };
  }

  /**
   * Checks everything that can be checked before a byte is read.
   * @throws SluiceError ERR_USAGE_*, ERR_TRUST_*, ERR_SOURCE_UNREADABLE, ERR_FLASH_*, ERR_BUSY_*
   */
  static async open(invocation: Invocation, needsFlash: boolean, signal: AbortSignal): Promise<Job> {
    const path = invocation.option('config');
    const config = path === undefined ? {} : readConfig(path);
    const policy = policyOf(invocation.option('trust') ?? config.trust ?? 'before-erase');
    const guard = guardOf(invocation, config);
    const sides = sideFilesOf(invocation, policy);
    const only = namesOf(invocation, 'only') ?? config.only ?? null;
    const forceMounted = needsFlash
      ? (namesOf(invocation, 'force-mounted') ?? config.forceMounted ?? [])
      : [];
    const address = invocation.option('flash') ?? config.flash;
    if (address === undefined && needsFlash) {
      throw new SluiceError('ERR_USAGE_OPTION', '--flash is missing: which flash is to be written?');
    }
    const state = needsFlash ? new CommandState(invocation, config, address as string, process.env) : null;
    const resumeLimit = needsFlash ? resumeLimitOf(invocation, config) : undefined;
    const platform = await nodePlatform();
    const keys =
      policy === 'unsigned'
        ? null
        : await loadKeys(invocation.option('keys') ?? config.keys ?? DEFAULT_KEYS, platform);
    const [bundle] = invocation.arguments as [string];
    if (needsFlash) assertSourceIsNotTarget(bundle, address as string);
    const source = await openSource(bundle, signal);
    let target: FlashTarget | null = null;
    let journal: JournalStore | null = null;
    if (state !== null) {
      const journalled = await state.open(address as string, { signal, forceMounted });
      target = journalled;
      journal = journalled.journal;
    } else if (address !== undefined) {
      target = await openFlash(address, { signal, write: false });
    }
    const flash = { target, journal, state, resumeLimit };
    const job = new Job({
      platform,
      source,
      policy,
      only,
      forceMounted,
      ...flash,
      guard,
      keys,
      sides,
      signal,
    });
    try {
      if (target !== null) {
        // A slip of the user, where the same in a bundle would be the bundle's fault.
        requirePartitions(target, sides === null ? [] : [partitionOf(sides.member)]);
        requirePartitions(target, forceMounted);
      }
    } catch (thrown) {
      await job.close();
      throw thrown;
    }
    return job;
  }

  /** A judge for one reading of the source. */
  async trust(): Promise<Trust> {
    if (this.#keys === null) return new UnsignedTrust(this.#guard);
    if (this.#sides !== null) {
      const { member, signature, blocks } = this.#sides;
      const image = { name: member, signature, blocks: blocks ?? undefined };
      return SingleImageTrust.create(this.platform, this.#keys, this.#guard, image);
    }
    const hashes = this.#allHashes ? (['sha256', 'sha384', 'sha512'] as const) : [];
    return new OpenBmcTrust(this.platform, this.#keys, this.#guard, {
      hashes,
      only: this.only?.map(imageOf) ?? null,
    });
  }

  /**
   * Streams the source once with nothing written.
   * @param options.stopAtIndex - stop, and answer null, where the bundle proves its blocks by itself
   */
  async check(options: {
    observer: Observer;
    forecast: boolean;
    stopAtIndex: boolean;
  }): Promise<CheckResult | null> {
    try {
      return await this.#checkOnce(options);
    } catch (thrown) {
      // A source that can be read again may name its hash at its end.
      const late = thrown instanceof SluiceError && thrown.code === 'ERR_TRUST_HASH_LATE';
      if (!late || !this.source.rereadable) throw thrown;
      this.#allHashes = true;
      return this.#checkOnce(options);
    }
  }

  /** What the last check has learned of the bundle, also when it refused it. */
  get seen(): Partial<CheckPass['seen']> {
    return this.#seen();
  }

  async close(): Promise<void> {
    this.source.close();
    await this.target?.close();
  }

  async #checkOnce({
    observer,
    forecast,
    stopAtIndex,
  }: {
    observer: Observer;
    forecast: boolean;
    stopAtIndex: boolean;
  }): Promise<CheckResult | null> {
    const pass = new CheckPass({
      platform: this.platform,
      trust: await this.trust(),
      target: this.target,
      forecast,
      only: this.only,
      single: this.single,
      observer,
      signal: this.#signal,
    });
    this.#seen = () => pass.seen;
    const until = () => stopAtIndex && pass.indexAhead;
    await this.source.pump((bytes) => pass.write(bytes), { signal: this.#signal, until });
    if (until()) return null;
    await pass.end();
    const result = await pass.result();
    if (this.target === null) requireImages(result.index.images, this.only ?? []);
    return result;
  }
}

interface JobParts {
  platform: Platform;
  source: Source;
  policy: TrustPolicy;
  only: readonly string[] | null;
  forceMounted: readonly string[];
  target: FlashTarget | null;
  journal: JournalStore | null;
  resumeLimit: number | undefined;
  state: CommandState | null;
  guard: AcceptanceRules;
  keys: KeyStore | null;
  sides: SideFiles | null;
  signal: AbortSignal;
}

/** Where there is no flash whose partitions would be served, each name must be that of an image. */
function requireImages(images: ReadonlyMap<string, unknown>, only: readonly string[]): void {
  const missing = only.filter((name) => !images.has(imageOf(name)));
  if (missing.length === 0) return;
  throw new SluiceError(
    'ERR_BUNDLE_EMPTY',
    `the bundle has no image for ${missing.join(', ')}; it has ${[...images.keys()].join(', ')}`,
  );
}
