import { asSluiceError, SluiceError } from '../core/errors.js';
import type { TrustPolicy } from '../core/trust/trust.js';
import type { CheckPass, CheckResult } from '../core/update/check/check-pass.js';
import type { Observer } from '../core/update/report/observer.js';
import type { Receipt } from '../core/update/report/receipt.js';
import type { UpdateSession } from '../core/update/session.js';
import { stepsOf, type Apply } from './apply.js';
import { Feed } from './feed.js';
import type { JobFactory, JobTarget } from './job-factory.js';
import type { Jobs } from './two-pass.js';
import type { UpdateRequest } from './update-request.js';
import { checkWork, updateWork } from './work.js';

/** Result of an update. */
export interface LocalResult {
  readonly receipt: Receipt;
  readonly error: SluiceError | null;
}

/** Options of all jobs of a command. */
export interface LocalOptions {
  readonly factory: JobFactory;
  /** Open until all jobs have ended; null if nothing is written and no flash is available. */
  readonly target: JobTarget | null;
  /** Policy of all requests. */
  readonly policy: TrustPolicy;
  /** Whether a check compares the bundle with the content of the flash. */
  readonly forecast: boolean;
  /** Also warned of errors after a commit. */
  readonly observer: Observer;
  /** Steps before and after a commit. @default none */
  readonly apply?: Apply | null;
  /** Stops the running job between two flash operations. */
  readonly signal: AbortSignal;
}

/** The jobs of a command, which holds the flash itself. For a server see UpdateService. */
export class LocalJobs implements Jobs<LocalResult> {
  readonly #options: LocalOptions;
  #pass: CheckPass | null = null;

  constructor(options: LocalOptions) {
    this.#options = options;
  }

  get policy(): TrustPolicy {
    return this.#options.policy;
  }

  async check(request: UpdateRequest): Promise<Feed<{ readonly result: CheckResult }>> {
    const { factory, target, policy, forecast, observer, signal } = this.#options;
    const stop = new AbortController();
    if (signal.aborted) stop.abort();
    else signal.addEventListener('abort', () => stop.abort(), { once: true });
    const pass = await factory.check(target, request, policy, { forecast, observer, signal: stop.signal });
    this.#pass = pass;
    const release = (): Promise<void> => Promise.resolve();
    return new Feed(
      checkWork(pass, stop, release, (result) => ({ result })),
      { resumeWithin: 0 },
    );
  }

  async update(request: UpdateRequest): Promise<Feed<LocalResult>> {
    const { apply, observer } = this.#options;
    const target = this.#target();
    const expect = typeof request.check === 'string' ? null : request.check;
    const session = await this.#session(target, request, expect);
    const failed = (thrown: unknown): void =>
      observer.warn?.(`after the commit: ${asSluiceError(thrown).message}`);
    const release = async (receipt: Receipt): Promise<LocalResult> => ({ receipt, error: session.error });
    return new Feed(updateWork(session, release, stepsOf(apply, { id: null, request, target }, failed)), {
      resumeWithin: 0,
    });
  }

  /** The result of an update whose check failed: its receipt has the facts that the check has found. */
  async refused(request: UpdateRequest, error: unknown): Promise<LocalResult> {
    const session = await this.#session(this.#target(), request, null);
    const receipt = await session.abort(error);
    return {
      receipt: { ...receipt, bundle: { ...receipt.bundle, ...this.#pass?.seen } },
      error: session.error,
    };
  }

  #target(): JobTarget {
    const { target } = this.#options;
    if (target === null) throw new SluiceError('ERR_USAGE_OPTION', '--flash is missing');
    return target;
  }

  #session(target: JobTarget, request: UpdateRequest, expect: CheckResult | null): Promise<UpdateSession> {
    const { factory, observer, signal } = this.#options;
    return factory.session(target, request, expect, observer, signal);
  }
}
