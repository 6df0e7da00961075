import { SluiceError } from '../core/errors.js';
import type { TrustPolicy } from '../core/trust/trust.js';
import type { CheckResult } from '../core/update/check/check-pass.js';
import type { Source, Take } from '../host/node/sources/source.js';
import type { Feed } from './feed.js';
import type { UpdateRequest } from './update-request.js';

/** The feed of a check pass. */
export type CheckFeed = Feed<{ readonly result: CheckResult }>;

/** What begins check passes and updates. `R`: what comes of an update. */
export interface Jobs<R, C extends CheckFeed = CheckFeed, U extends Feed<R> = Feed<R>> {
  /** Policy of requests that name none. */
  readonly policy: TrustPolicy;
  check(request: UpdateRequest): Promise<C>;
  update(request: UpdateRequest): Promise<U>;
  /** What comes of an update whose check threw `error`. Without this function, the update throws it. */
  refused?(request: UpdateRequest, error: unknown): Promise<R>;
}

/** Called before the first byte of each reading; what they throw aborts that reading. */
export interface Readings<C, U> {
  readonly checking?: (feed: C) => void;
  /** @param checked - whether a check pass has proven the whole bundle */
  readonly writing?: (feed: U, checked: boolean) => void;
  /** Ends a reading. Default: the signal of the feed's sender. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Updates from a source that is pulled, in one reading or two. What must be proven before it is erased, and can be
 * read again, is read twice: once to check it, once to write it. The check stops early when the bundle turns out to
 * prove its blocks by itself.
 * @returns what runs the update, when the flash is taken; call it
 * @throws SluiceError as `check` and `update` of the jobs do. The update throws what the check refused, unless the jobs
 *   make an answer of it
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
      await source.pump(measured(take, source, request), { signal: signal ?? stop });
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
      checked = await checkRereadable(jobs, source, request, first, { checking, signal, stopAtIndex: true });
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
  /** Stop as soon as the bundle turns out to prove its blocks by itself, with no result. */
  readonly stopAtIndex: boolean;
}

interface Checked {
  /** With what a second reading needs. */
  readonly request: UpdateRequest;
  /** Null: the bundle proves its blocks by itself. */
  readonly result: CheckResult | null;
}

/**
 * Checks a source and writes nothing.
 * @returns null when `stopAtIndex` stopped it
 * @throws SluiceError what the check refuses; as `check` of the jobs
 */
export async function checkSource<C extends CheckFeed>(
  jobs: Pick<Jobs<unknown, C>, 'check'>,
  source: Source,
  request: UpdateRequest,
  reading: CheckReading<C>,
): Promise<CheckResult | null> {
  const { result } = await checkRereadable(jobs, source, request, await jobs.check(request), reading);
  return result;
}

/** A bundle that names its hash only behind its images is read again, if it can be, with every hash. */
async function checkRereadable<C extends CheckFeed>(
  jobs: Pick<Jobs<unknown, C>, 'check'>,
  source: Source,
  request: UpdateRequest,
  first: C,
  reading: CheckReading<C>,
): Promise<Checked> {
  try {
    return { request, result: await checkOnce(first, source, request, reading) };
  } catch (thrown) {
    const late = thrown instanceof SluiceError && thrown.code === 'ERR_TRUST_HASH_LATE';
    if (!late || !source.rereadable) throw thrown;
    const again = { ...request, allHashes: true };
    return { request: again, result: await checkOnce(await jobs.check(again), source, again, reading) };
  }
}

/** A source may learn its size with its first bytes, and the percentage needs it. */
function measured(take: Take, source: Source, { progress }: UpdateRequest): Take {
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
  const until = (): boolean => stopAtIndex && feed.enough;
  try {
    checking?.(feed);
    const take = measured((bytes) => sender.write(bytes), source, request);
    await source.pump(take, { signal: signal ?? sender.signal, until });
  } catch (thrown) {
    return (await sender.interrupt(thrown)).result;
  }
  if (!until()) return (await sender.end()).result;
  await feed.abort(new SluiceError('ERR_SESSION_INTERRUPTED', 'the bundle needs no check')).catch(() => {});
  return null;
}
