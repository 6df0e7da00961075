import { spawn } from 'node:child_process';
import { errnoOf } from '../../../core/errors.js';
import { loadSend, type Send } from './addon.js';

/** Delay before a message is sent again to a busy supervisor. */
const RETRY_MS = 100;

/** 90 seconds in all: the default limit of systemd for a start or a stop. */
const MAX_TRIES = 900;

/** One line of `systemctl status` on a wide terminal. */
const MAX_STATUS_CHARS = 200;

/** Options of `Notifier`. */
export interface NotifierOptions {
  /** NOTIFY_SOCKET. */
  readonly socket: string;
  /** Watchdog limit in milliseconds. @default null, no watchdog */
  readonly watchdog?: number | null;
  /** @default the addon, or null if it is not built */
  readonly send?: Send | null;
  /** Called once for each kind of failure to send. */
  readonly log: (message: string) => void;
}

/**
 * Reports the state of the service to the supervisor (sd_notify(3)). Never throws or waits: an unreachable supervisor
 * must not stop an update.
 */
export class Notifier {
  readonly #socket: string;
  readonly #send: Send | null;
  readonly #log: (message: string) => void;
  readonly #watchdog: number | null;
  readonly #logged = new Set<string>();
  #status = '';
  /** Messages not yet sent, in order. */
  #waiting: string[] = [];
  #tries = 0;

  constructor({ socket, watchdog = null, send = loadSend(), log }: NotifierOptions) {
    this.#socket = socket;
    this.#send = send;
    this.#log = log;
    this.#watchdog = send === null ? null : watchdog;
  }

  /**
   * A notifier for the supervisor of this process. Removes NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID from `env`, so
   * that child processes do not use them.
   * @returns null without NOTIFY_SOCKET
   */
  static of(env: NodeJS.ProcessEnv, pid: number, log: (message: string) => void): Notifier | null {
    const { NOTIFY_SOCKET: socket, WATCHDOG_USEC: time = '', WATCHDOG_PID: whose } = env;
    for (const key of ['NOTIFY_SOCKET', 'WATCHDOG_USEC', 'WATCHDOG_PID']) delete env[key];
    if (socket === undefined || socket === '') return null;
    const ours = whose === undefined || whose === String(pid);
    const watchdog = ours && /^[1-9]\d{0,15}$/.test(time) ? Number(time) / 1000 : null;
    return new Notifier({ socket, watchdog, log });
  }

  /** Milliseconds within which `alive` must be called again; null without a watchdog. */
  get watchdog(): number | null {
    return this.#watchdog;
  }

  /** The service listens. */
  ready(status: string): void {
    if (this.#send === null) return this.#readyByCommand();
    this.#status = status;
    this.#sendReliably(`READY=1\nSTATUS=${oneLine(status)}`);
  }

  /** Sends a status line, unless it is unchanged. */
  status(text: string): void {
    if (text === this.#status || this.#waiting.length > 0) return;
    if (this.#sendNow(`STATUS=${oneLine(text)}`)) this.#status = text;
  }

  /** Resets the watchdog. */
  alive(): void {
    this.#sendNow('WATCHDOG=1');
  }

  /** The service ends. */
  stopping(status: string): void {
    this.#sendReliably(`STOPPING=1\nSTATUS=${oneLine(status)}`);
  }

  /** Requests more time, in milliseconds from now, for a start or a stop. */
  extend(milliseconds: number): void {
    this.#sendNow(`EXTEND_TIMEOUT_USEC=${Math.ceil(milliseconds) * 1000}`);
  }

  /** @returns false if the supervisor is busy */
  #sendNow(text: string): boolean {
    if (this.#send === null) return true;
    try {
      this.#send(this.#socket, text);
    } catch (thrown) {
      const errno = errnoOf(thrown) ?? String(thrown);
      if (errno === 'EAGAIN' || errno === 'ENOBUFS') return false;
      if (!this.#logged.has(errno)) this.#log(`systemd cannot be notified: ${(thrown as Error).message}`);
      this.#logged.add(errno);
    }
    return true;
  }

  #sendReliably(text: string): void {
    this.#waiting.push(text);
    if (this.#waiting.length > 1) return;
    this.#tries = MAX_TRIES;
    this.#sendWaiting();
  }

  #sendWaiting(): void {
    while (this.#waiting[0] !== undefined && this.#sendNow(this.#waiting[0])) this.#waiting.shift();
    if (this.#waiting.length === 0) return;
    if (this.#tries-- > 0) setTimeout(() => this.#sendWaiting(), RETRY_MS).unref();
    else this.#waiting = [];
  }

  /** Without the addon: systemd-notify reports ready and disables the watchdog. */
  #readyByCommand(): void {
    this.#log(
      'watchdog and status of systemd are disabled: addon node-systemd is not built for this machine',
    );
    const child = spawn('systemd-notify', ['--ready', 'WATCHDOG_USEC=0'], {
      stdio: 'ignore',
      env: { ...process.env, NOTIFY_SOCKET: this.#socket },
    });
    child.on('error', (error) => this.#log(`systemd cannot be notified: ${error.message}`));
    child.unref();
  }
}

/** A line break would begin another assignment. */
const oneLine = (text: string): string => text.replace(/[\x00-\x1f\x7f]+/g, ' ').slice(0, MAX_STATUS_CHARS);
