import type { IncomingMessage } from 'node:http';
import type { ErrorCode, SluiceError } from '../../core/errors.js';

/** Counts requests that were answered with an error. */
export class HttpCounters {
  readonly errors = new Map<ErrorCode, number>();
  /** Requests with wrong credentials; requests without any count in `errors` only. */
  wrongCredentials = 0;

  /**
   * Counts a request.
   * @param given - whether it had credentials; a login has them in its body
   */
  countError(request: IncomingMessage, { code }: SluiceError, given = hasCredentials(request)): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
    if (given && code === 'ERR_BUSY_CREDENTIALS') this.wrongCredentials++;
  }
}

const hasCredentials = ({ headers }: IncomingMessage): boolean =>
  headers.authorization !== undefined || headers['x-auth-token'] !== undefined;
