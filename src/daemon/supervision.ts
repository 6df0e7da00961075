import type { Notifier } from '../host/node/systemd/notify.js';
import type { UpdateService } from '../service/update-service.js';
import { IdleExit } from './idle-exit.js';
import { jobLine } from './job-line.js';
import type { Listener } from './listener.js';

/** Interval of status lines. */
const STATUS_INTERVAL_MS = 500;

/**
 * Milliseconds without an event of a job after which the watchdog is no longer reset. An erase takes at most 3 s, the
 * drivers of the kernel time out after seconds, and a read of the whole flash without an event takes two minutes. An
 * operation that takes longer hangs. A restart is better then: the update can be resumed.
 */
const DEFAULT_STALL_MS = 5 * 60_000;

/** Interval of requests for more time, while a stop waits for a flash operation. */
const STOP_EXTENSION_MS = 10_000;

/** Options of Supervision. */
export interface SupervisionOptions {
  readonly service: Pick<UpdateService, 'events' | 'job' | 'busy' | 'waiting'>;
  readonly listeners: readonly Listener[];
  /** Milliseconds without work after which the service ends; null: never. */
  readonly idleExit: number | null;
  /** Whether there is other work that keeps the service running. */
  readonly busy?: () => boolean;
  /** Milliseconds without an event of a job after which it counts as hung. @default DEFAULT_STALL_MS */
  readonly stall?: number;
  readonly log: (message: string) => void;
}

/** Reports to the supervisor (systemd) while the service runs. */
export class Supervision {
  /** Resolves after `idleExit` without work, when the service has stopped accepting. */
  readonly idle: Promise<void>;
  readonly #notifier: Notifier | null;
  readonly #close: (() => void)[] = [];

  private constructor(notifier: Notifier | null, idle: Promise<void>) {
    this.#notifier = notifier;
    this.idle = idle;
  }

  /** Reports that the service listens, and starts the supervision. */
  static async begin(options: SupervisionOptions): Promise<Supervision> {
    const { service, listeners, idleExit, busy, log } = options;
    const notifier = await notifierOf(log);
    const isBusy = (): boolean => service.busy || busy?.() === true;
    const exit = idleExit === null ? null : new IdleExit(listeners, isBusy, idleExit);
    const supervision = new Supervision(notifier, exit?.over ?? new Promise(() => {}));
    const closers = supervision.#close;
    if (exit !== null) closers.push(() => exit.close());
    if (exit !== null) closers.push(service.events.subscribe(() => exit.touch()));
    if (notifier === null) return supervision;
    notifier.ready(jobLine(service.job));
    closers.push(reportStatus(service, notifier));
    if (notifier.watchdog !== null) {
      const { Watchdog } = await import('../host/node/systemd/watchdog.js');
      const isAlive = progressCheck(service, options.stall ?? DEFAULT_STALL_MS);
      const watchdog = new Watchdog(notifier.watchdog, () => notifier.alive(), isAlive, log);
      closers.push(() => watchdog.close());
    }
    return supervision;
  }

  /** Reports that the service stops, and requests time until `done`: a flash operation must not be killed. */
  async stop(done: Promise<unknown>): Promise<void> {
    for (const close of this.#close.splice(0)) close();
    const notifier = this.#notifier;
    notifier?.stopping('stopping after the current flash operation');
    const more = (): void => notifier?.extend(2 * STOP_EXTENSION_MS);
    const timer = setInterval(more, STOP_EXTENSION_MS);
    try {
      await done;
    } finally {
      clearInterval(timer);
    }
  }
}

/** The notifier, loaded only if there is a supervisor. */
async function notifierOf(log: (message: string) => void): Promise<Notifier | null> {
  if (process.env['NOTIFY_SOCKET'] === undefined) return null;
  const { Notifier } = await import('../host/node/systemd/notify.js');
  return Notifier.of(process.env, process.pid, log);
}

/** Updates the status line. */
function reportStatus(service: SupervisionOptions['service'], notifier: Notifier): () => void {
  let timer: NodeJS.Timeout | null = null;
  let reported = 0;
  const report = (): void => {
    timer = null;
    reported = performance.now();
    notifier.status(jobLine(service.job));
  };
  const end = service.events.subscribe(() => {
    const wait = reported + STATUS_INTERVAL_MS - performance.now();
    if (timer === null) timer = setTimeout(report, Math.max(0, wait)).unref();
  });
  return () => {
    end();
    if (timer !== null) clearTimeout(timer);
  };
}

/** Whether the service makes progress: no job, a job that waits for its client, or a job with a recent event. */
export function progressCheck(
  service: Pick<UpdateService, 'events' | 'busy' | 'waiting'>,
  stall: number,
  now: () => number = () => performance.now(),
): () => boolean {
  let seen = '';
  let since = now();
  return () => {
    const { cursor } = service.events;
    if (cursor !== seen || !service.busy || service.waiting) since = now();
    seen = cursor;
    return now() - since < stall;
  };
}
