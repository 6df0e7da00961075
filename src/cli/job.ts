import { imageOf, partitionOf } from '../core/bundle/image-name.js';
import { SluiceError } from '../core/errors.js';
import type { FlashTarget } from '../core/flash/device.js';
import type { Platform } from '../core/platform.js';
import type { KeyStore } from '../core/trust/key-store.js';
import type { SingleImage } from '../core/trust/single-image-trust.js';
import type { TrustPolicy } from '../core/trust/trust.js';
import { requirePartitions } from '../core/update/plan/known-partitions.js';
import type { Observer } from '../core/update/report/observer.js';
import { openFlash } from '../host/node/flash/open-flash.js';
import { loadKeys } from '../host/node/keys.js';
import { nodePlatform } from '../host/node/platform.js';
import { openSource } from '../host/node/sources/open-source.js';
import type { Source } from '../host/node/sources/source.js';
import { JobFactory, type JobTarget } from '../service/job-factory.js';
import { LocalJobs } from '../service/local-jobs.js';
import { trustMaker } from '../service/trust-maker.js';
import type { UpdateRequest } from '../service/update-request.js';
import { DEFAULT_KEYS, readConfig, type Config } from '../config/config.js';
import { acceptanceRulesOf, namesOf, policyOf } from '../config/job-options.js';
import type { Invocation } from '../config/invocation.js';
import { resumeLimitOf } from '../config/state-options.js';
import { assertSourceIsNotTarget } from './apart.js';
import { sideFilesOf } from './side-files.js';
import { CommandState, localOrigin } from './state.js';

/** Inputs of `write` and `verify`, from options, the configuration and this machine. */
export interface Job {
  readonly source: Source;
  readonly policy: TrustPolicy;
  /** Partitions to write; null for all that the bundle has images for. */
  readonly only: readonly string[] | null;
  readonly request: UpdateRequest;
  /** Null for `verify` without a flash. */
  readonly target: FlashTarget | null;
  /** Null for a command that does not write. */
  readonly state: CommandState | null;
  /** Check passes and updates of this bundle on this flash. */
  jobs(observer: Observer): LocalJobs;
  close(): Promise<void>;
}

/**
 * Checks everything that can be checked before a byte is read.
 * @param writes - whether the flash is written; a job that only reads may do without one
 * @throws SluiceError ERR_USAGE_*, ERR_TRUST_*, ERR_SOURCE_UNREADABLE, ERR_FLASH_*, ERR_BUSY_*
 */
export async function openJob(invocation: Invocation, writes: boolean, signal: AbortSignal): Promise<Job> {
  const path = invocation.option('config');
  const config = path === undefined ? {} : readConfig(path);
  const policy = policyOf(invocation.option('trust') ?? config.trust ?? 'before-erase');
  const rules = acceptanceRulesOf(invocation, config);
  const image = sideFilesOf(invocation, policy);
  const only = namesOf(invocation, 'only') ?? config.only ?? null;
  const forceMounted = writes ? (namesOf(invocation, 'force-mounted') ?? config.forceMounted ?? []) : [];
  const address = invocation.option('flash') ?? config.flash;
  if (address === undefined && writes) {
    throw new SluiceError('ERR_USAGE_OPTION', '--flash is missing; it names the flash to write');
  }
  const state = writes ? new CommandState(invocation, config, address as string, process.env) : null;
  const resumeLimit = writes ? resumeLimitOf(invocation, config) : undefined;
  const platform = await nodePlatform();
  const keys = await keysOf(invocation, config, policy, platform);
  const [bundle] = invocation.arguments as [string];
  if (writes) assertSourceIsNotTarget(bundle, address as string);
  const source = await openSource(bundle, signal);
  let target: JobTarget | null = null;
  if (state !== null) target = await state.open(address as string, { signal, forceMounted });
  else if (address !== undefined) target = await openFlash(address, { signal, write: false });
  const close = async (): Promise<void> => {
    source.close();
    await target?.close();
  };
  try {
    if (target !== null) requireNamed(target, image, forceMounted);
  } catch (thrown) {
    await close();
    throw thrown;
  }
  const factory = new JobFactory({
    platform,
    trust: trustMaker({ platform, keys, rules, single: image }),
    policy,
    weakest: 'unsigned',
    forceMounted,
    resumeLimit,
    single: image && { member: image.name, size: source.size },
  });
  return {
    source,
    policy,
    only,
    request: { only, trust: null, check: null, size: source.size, resume: null, from: localOrigin() },
    target,
    state,
    jobs: (observer) =>
      new LocalJobs({ factory, target, policy, forecast: !writes && target !== null, observer, signal }),
    close,
  };
}

/** Read before the flash is opened, so that a missing key does not take a lock. */
async function keysOf(
  invocation: Invocation,
  config: Config,
  policy: TrustPolicy,
  platform: Platform,
): Promise<() => Promise<KeyStore>> {
  if (policy === 'unsigned') return () => Promise.reject(new Error('nothing is signed'));
  const keys = await loadKeys(invocation.option('keys') ?? config.keys ?? DEFAULT_KEYS, platform);
  return () => Promise.resolve(keys);
}

/** An unknown partition in an option is a usage error; in a bundle it is an error of the bundle. */
function requireNamed(target: FlashTarget, image: SingleImage | null, forceMounted: readonly string[]): void {
  requirePartitions(target, image === null ? [] : [partitionOf(image.name)]);
  requirePartitions(target, forceMounted);
}

/**
 * Without a flash, checks that each selected partition has an image in the bundle.
 * @throws SluiceError ERR_BUNDLE_EMPTY
 */
export function requireImages(images: ReadonlyMap<string, unknown>, only: readonly string[]): void {
  const missing = only.filter((name) => !images.has(imageOf(name)));
  if (missing.length === 0) return;
  throw new SluiceError(
    'ERR_BUNDLE_EMPTY',
    `the bundle has no image for ${missing.join(', ')}; it has ${[...images.keys()].join(', ')}`,
  );
}
