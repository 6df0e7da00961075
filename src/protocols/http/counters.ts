import type { IncomingMessage } from 'node:http';
import type { ErrorCode, SluiceError } from '../../core/errors.js';

/** Counts what the service has refused to answer as it was asked to. */
export class HttpCounters {
  readonly errors = new Map<ErrorCode, number>();
  /** Requests with credentials that were wrong; those without any are in `errors` only. */
  wrongCredentials = 0;

  /**
   * A request was answered with an error.
   * @param given - whether credentials came with it; a login has them in its body
   */
  note(request: IncomingMessage, { code }: SluiceError, given = hasCredentials(request)): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
    if (given && code === 'ERR_BUSY_CREDENTIALS') this.wrongCredentials++;
  }
}

const hasCredentials = ({ headers }: IncomingMessage): boolean =>
  headers.authorization !== undefined || headers['x-auth-token'] !== undefined;
