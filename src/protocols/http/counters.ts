import type { IncomingMessage } from 'node:http';
import type { ErrorCode, SluiceError } from '../../core/errors.js';

/** Counts what the service has refused to answer as it was asked to. */
export class HttpCounters {
  readonly errors = new Map<ErrorCode, number>();
  /** Requests with credentials that were wrong; those without any are in `errors` only. */
  wrongCredentials = 0;

  note(request: IncomingMessage, { code }: SluiceError): void {
    this.errors.set(code, (this.errors.get(code) ?? 0) + 1);
    const { authorization, 'x-auth-token': token } = request.headers;
    const given = authorization !== undefined || token !== undefined;
    if (given && code === 'ERR_BUSY_CREDENTIALS') this.wrongCredentials++;
  }
}
