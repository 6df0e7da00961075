import type { Notifier } from '../host/node/systemd/notify.js';
import type { UpdateService } from '../service/update-service.js';
import { IdleExit } from './idle-exit.js';
import { jobLine } from './job-line.js';
import type { Listener } from './listener.js';

/** Milliseconds between two status lines. */
const STATUS_INTERVAL = 500;

/**
 * Milliseconds for which a job may report nothing before the watchdog is no longer fed. An erase takes 3 s at
 * worst, the kernel's drivers give a chip up after seconds, and what reads a whole flash back without an event is done
 * in two minutes; what takes longer than this will not come back, and a restart is the better end: the update can be
 * resumed.
 */
export const STALL = 5 * 60_000;

/** Milliseconds of a stop that are asked for at a time, while a flash operation comes to its end. */
const STOP_STEP = 10_000;

/** How a service is supervised. */
export interface SupervisionOptions {
  readonly service: Pick<UpdateService, 'events' | 'job' | 'busy'>;
  readonly listeners: readonly Listener[];
  /** Milliseconds without anything to do after which the service ends; null: never. */
  readonly idleExit: number | null;
  /** Anything else that the service must stay for. */
  readonly busy?: () => boolean;
  /** Milliseconds without a sign of a job after which it counts as stuck. @default STALL */
  readonly stall?: number;
  readonly log: (message: string) => void;
}

/** The service and its supervisor (systemd), while the service runs. */
export class Supervision {
  /** Resolves when there has been nothing to do for long enough; nothing is accepted any more then. */
  readonly idle: Promise<void>;
  readonly #notifier: Notifier | null;
  readonly #close: (() => void)[] = [];

  private constructor(notifier: Notifier | null, idle: Promise<void>) {
    this.#notifier = notifier;
    this.idle = idle;
  }

  /** Reports that the service listens, and supervises it from now on. */
  static async begin(options: SupervisionOptions): Promise<Supervision> {
    const { service, listeners, idleExit, busy, log } = options;
    const notifier = await notifierOf(log);
    const occupied = (): boolean => service.busy || busy?.() === true;
    const exit = idleExit === null ? null : new IdleExit(listeners, occupied, idleExit);
    const supervision = new Supervision(notifier, exit?.over ?? new Promise(() => {}));
    const closers = supervision.#close;
    if (exit !== null) closers.push(() => exit.close());
    if (exit !== null) closers.push(service.events.subscribe(() => exit.touch()));
    if (notifier === null) return supervision;
    notifier.ready(jobLine(service.job));
    closers.push(reportStatus(service, notifier));
    if (notifier.watchdog !== null) {
      const { Watchdog } = await import('../host/node/systemd/watchdog.js');
      const moves = movement(service, options.stall ?? STALL);
      const watchdog = new Watchdog(notifier.watchdog, () => notifier.alive(), moves, log);
      closers.push(() => watchdog.close());
    }
    return supervision;
  }

  /** Reports that the service ends, and asks for time until `done`: a flash operation is not cut short. */
  async stop(done: Promise<unknown>): Promise<void> {
    for (const close of this.#close.splice(0)) close();
    const notifier = this.#notifier;
    notifier?.stopping('stopping after the flash operation that is running');
    const more = (): void => notifier?.extend(2 * STOP_STEP);
    const timer = setInterval(more, STOP_STEP);
    try {
      await done;
    } finally {
      clearInterval(timer);
    }
  }
}

/** Loaded only if there is a supervisor. */
async function notifierOf(log: (message: string) => void): Promise<Notifier | null> {
  if (process.env['NOTIFY_SOCKET'] === undefined) return null;
  const { Notifier } = await import('../host/node/systemd/notify.js');
  return Notifier.of(process.env, process.pid, log);
}

/** Keeps the status line up to date. */
function reportStatus(service: SupervisionOptions['service'], notifier: Notifier): () => void {
  let timer: NodeJS.Timeout | null = null;
  let reported = 0;
  const report = (): void => {
    timer = null;
    reported = performance.now();
    notifier.status(jobLine(service.job));
  };
  const end = service.events.subscribe(() => {
    const wait = reported + STATUS_INTERVAL - performance.now();
    if (timer === null) timer = setTimeout(report, Math.max(0, wait)).unref();
  });
  return () => {
    end();
    if (timer !== null) clearTimeout(timer);
  };
}

/** Whether things move: there is no job, or one that waits for its commit or has shown something lately. */
export function movement(
  service: Pick<UpdateService, 'events' | 'busy' | 'job'>,
  stall: number,
  now: () => number = () => performance.now(),
): () => boolean {
  let seen = '';
  let since = now();
  return () => {
    const { cursor } = service.events;
    const waits = !service.busy || service.job?.phase === 'proven';
    if (cursor !== seen || waits) since = now();
    seen = cursor;
    return now() - since < stall;
  };
}
