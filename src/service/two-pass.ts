import { SluiceError } from '../core/errors.js';
import type { TrustPolicy } from '../core/trust/trust.js';
import type { CheckResult } from '../core/update/check/check-pass.js';
import type { Source, Take } from '../host/node/sources/source.js';
import type { Feed } from './feed.js';
import type { UpdateRequest } from './update-request.js';

/** The feed of a check pass. */
export type CheckFeed = Feed<{ readonly result: CheckResult }>;

/** Begins check passes and updates. `R`: the result of an update. */
export interface Jobs<R, C extends CheckFeed = CheckFeed, U extends Feed<R> = Feed<R>> {
  /** Policy of requests that name none. */
  readonly policy: TrustPolicy;
  check(request: UpdateRequest): Promise<C>;
  update(request: UpdateRequest): Promise<U>;
  /** Makes the result of an update whose check threw `error`. Without this function the update throws the error. */
  refused?(request: UpdateRequest, error: unknown): Promise<R>;
}

/** Called before the first byte of each reading; an error aborts the reading. */
export interface Readings<C, U> {
  readonly checking?: (feed: C) => void;
  /** @param checked - whether a check pass has proven the whole bundle */
  readonly writing?: (feed: U, checked: boolean) => void;
  /** Ends a reading. Default: the signal of the feed's sender. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Updates from a source that is pulled, in one or two readings. With the policy before-erase, a source that can be read
 * again is read twice: once to check it, once to write it. The check stops early if the bundle has a block index.
 * @returns a function that runs the update; the flash is already held
 * @throws SluiceError as `check` and `update` of the jobs. The returned function throws the error of the check, unless
 *   the jobs have `refused`
 */
export async function beginUpdate<R, C extends CheckFeed, U extends Feed<R>>(
  jobs: Jobs<R, C, U>,
  source: Source,
  request: UpdateRequest,
): Promise<(readings: Readings<C, U>) => Promise<R>> {
  const write = async (update: U, checked: boolean, { writing, signal }: Readings<C, U>): Promise<R> => {
    const sender = await update.attach();
    return sender.run(async (take, stop) => {
      writing?.(update, checked);
      await source.pump(withSize(take, source, request), { signal: signal ?? stop });
    });
  };
  if (!source.rereadable || (request.trust ?? jobs.policy) !== 'before-erase') {
    const update = await jobs.update(request);
    return (readings) => write(update, false, readings);
  }
  const first = await jobs.check(request);
  return async (readings) => {
    const { checking, signal } = readings;
    let checked: Checked;
    try {
      checked = await checkWithAllHashes(jobs, source, request, first, {
        checking,
        signal,
        stopAtIndex: true,
      });
    } catch (thrown) {
      if (jobs.refused === undefined) throw thrown;
      return jobs.refused(request, thrown);
    }
    const { request: proven, result } = checked;
    const update = await jobs.update({ ...proven, check: result, size: source.size });
    return write(update, result !== null, readings);
  };
}

/** How a source is checked. */
export interface CheckReading<C> extends Pick<Readings<C, never>, 'checking' | 'signal'> {
  /** Stop without a result as soon as the bundle has a verified block index. */
  readonly stopAtIndex: boolean;
}

interface Checked {
  /** The request for the second reading. */
  readonly request: UpdateRequest;
  /** Null: the bundle has a block index. */
  readonly result: CheckResult | null;
}

/**
 * Checks a source without writing.
 * @returns null if `stopAtIndex` stopped it
 * @throws SluiceError the error of the check; as `check` of the jobs
 */
export async function checkSource<C extends CheckFeed>(
  jobs: Pick<Jobs<unknown, C>, 'check'>,
  source: Source,
  request: UpdateRequest,
  reading: CheckReading<C>,
): Promise<CheckResult | null> {
  const { result } = await checkWithAllHashes(jobs, source, request, await jobs.check(request), reading);
  return result;
}

/** If a bundle names its hash only after its images, the source is read again, if possible, with all hashes. */
async function checkWithAllHashes<C extends CheckFeed>(
  jobs: Pick<Jobs<unknown, C>, 'check'>,
  source: Source,
  request: UpdateRequest,
  first: C,
  reading: CheckReading<C>,
): Promise<Checked> {
  try {
    return { request, result: await checkOnce(first, source, request, reading) };
  } catch (thrown) {
    const isHashLate = thrown instanceof SluiceError && thrown.code === 'ERR_TRUST_HASH_LATE';
    if (!isHashLate || !source.rereadable) throw thrown;
    const again = { ...request, allHashes: true };
    return { request: again, result: await checkOnce(await jobs.check(again), source, again, reading) };
  }
}

/** Updates the size for the percentage: a source may know its size only after the first bytes. */
function withSize(take: Take, source: Source, { progress }: UpdateRequest): Take {
  if (progress === undefined) return take;
  return (bytes) => {
    progress.size = source.size;
    return take(bytes);
  };
}

async function checkOnce<C extends CheckFeed>(
  feed: C,
  source: Source,
  request: UpdateRequest,
  { checking, signal, stopAtIndex }: CheckReading<C>,
): Promise<CheckResult | null> {
  const sender = await feed.attach();
  const until = (): boolean => stopAtIndex && feed.needsNoCheck;
  try {
    checking?.(feed);
    const take = withSize((bytes) => sender.write(bytes), source, request);
    await source.pump(take, { signal: signal ?? sender.signal, until });
  } catch (thrown) {
    return (await sender.interrupt(thrown)).result;
  }
  if (!until()) return (await sender.end()).result;
  await feed.abort(new SluiceError('ERR_SESSION_INTERRUPTED', 'bundle needs no check')).catch(() => {});
  return null;
}
