import { spawn } from 'node:child_process';
import { errnoOf } from '../../../core/errors.js';
import { loadSend, type Send } from './addon.js';

/** Milliseconds until what must arrive is sent again to a supervisor that is behind. */
const AGAIN = 100;

/** How often that is done: for as long as systemd waits for a start or a stop by default. */
const TRIES = 900;

/** Characters of a status line: what `systemctl status` shows in one line of a wide terminal. */
const STATUS_LENGTH = 200;

/** What a `Notifier` is made of; all of it but `socket` can be left out. */
export interface NotifierOptions {
  /** NOTIFY_SOCKET. */
  readonly socket: string;
  /** Milliseconds within which signs of life are expected. @default null, none are */
  readonly watchdog?: number | null;
  /** @default the addon; null where it is not built */
  readonly send?: Send | null;
  /** Called once for each kind of failure to send. */
  readonly log: (message: string) => void;
}

/**
 * Reports the state of the service to its supervisor (sd_notify(3)). Nothing here throws or waits: a supervisor that cannot be
 * reached is no reason to stop an update.
 */
export class Notifier {
  readonly #socket: string;
  readonly #send: Send | null;
  readonly #log: (message: string) => void;
  readonly #watchdog: number | null;
  readonly #logged = new Set<string>();
  #status = '';
  /** What must arrive and has not, in its order. */
  #waiting: string[] = [];
  #tries = 0;

  constructor({ socket, watchdog = null, send = loadSend(), log }: NotifierOptions) {
    this.#socket = socket;
    this.#send = send;
    this.#log = log;
    this.#watchdog = send === null ? null : watchdog;
  }

  /**
   * A notifier for the supervisor that has started this process. Takes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID out of `env`:
   * programs that are started from here must not speak for it.
   * @returns null if there is no supervisor
   */
  static of(env: NodeJS.ProcessEnv, pid: number, log: (message: string) => void): Notifier | null {
    const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: time = '', WATCHDOG_PID: whose } = env;
    for (const key of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[key];
    if (socket === undefined || socket === '') return null;
    const ours = whose === undefined || whose === String(pid);
    const watchdog = ours && /^[1-9]\d{0,15}$/.test(time) ? Number(time) / 1000 : null;
    return new Notifier({ socket, watchdog, log });
  }

  /** Milliseconds within which `alive` must be called again; null when nobody waits for it. */
  get watchdog(): number | null {
    return this.#watchdog;
  }

  /** The service listens. */
  ready(status: string): void {
    if (this.#send === null) return this.#readyByProgram();
    this.#status = status;
    this.#must(`READY=1\nSTATUS=${oneLine(status)}`);
  }

  /** One line for people; not sent when it says what was said last. */
  status(text: string): void {
    if (text === this.#status || this.#waiting.length > 0) return;
    if (this.#may(`STATUS=${oneLine(text)}`)) this.#status = text;
  }

  /** A sign of life. */
  alive(): void {
    this.#may('WATCHDOG=1');
  }

  /** The service ends. */
  stopping(status: string): void {
    this.#must(`STOPPING=1\nSTATUS=${oneLine(status)}`);
  }

  /** Asks for so many milliseconds more from now on, for a start or a stop that takes long. */
  extend(milliseconds: number): void {
    this.#may(`EXTEND_TIMEOUT_USEC=${Math.ceil(milliseconds) * 1000}`);
  }

  /** @returns false when the supervisor is behind */
  #may(text: string): boolean {
    if (this.#send === null) return true;
    try {
      this.#send(this.#socket, text);
    } catch (thrown) {
      const errno = errnoOf(thrown) ?? String(thrown);
      if (errno === 'EAGAIN' || errno === 'ENOBUFS') return false;
      if (!this.#logged.has(errno))
        this.#log(`the supervisor cannot be notified: ${(thrown as Error).message}`);
      this.#logged.add(errno);
    }
    return true;
  }

  #must(text: string): void {
    this.#waiting.push(text);
    if (this.#waiting.length > 1) return;
    this.#tries = TRIES;
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    while (this.#waiting[0] !== undefined && this.#may(this.#waiting[0])) this.#waiting.shift();
    if (this.#waiting.length === 0) return;
    if (this.#tries-- > 0) setTimeout(() => this.#sendWaiting(), AGAIN).unref();
    else this.#waiting = [];
  }

  /** Without the addon: ready is said by systemd's own program, and the watchdog is called off. */
  #readyByProgram(): void {
    this.#log('no watchdog and no status for systemd: the addon node-systemd is not built for this machine');
    const child = spawn('systemd-notify', ['--ready', 'WATCHDOG_USEC=0'], {
      stdio: 'ignore',
      env: { ...process.env, NOTIFY_SOCKET: this.#socket },
    });
    child.on('error', (error) => this.#log(`the supervisor cannot be notified: ${error.message}`));
    child.unref();
  }
}

/** A line break would begin another assignment. */
const oneLine = (text: string): string => text.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, STATUS_LENGTH);
