import { SluiceError } from '../../core/errors.js';

/** The answer to a request that is not done: thrown by a route, sent as it is. */
export class Refusal extends Error {
  override readonly name: string = 'Refusal';
  readonly status: number;
  /** Sent as JSON. */
  readonly body: object;
  readonly headers: Readonly<Record<string, string>>;

  constructor(message: string, status: number, body: object, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.body = body;
    this.headers = headers;
  }
}

/** An error as every part of the service but Redfish answers it, with the status of docs/errors.md by default. */
export function refusalOf(error: SluiceError, status = error.row.http): Refusal {
  const { code, message, nextRemote, flash } = error;
  return new Refusal(message, status, { code, message, next: nextRemote, flash });
}

/** A request that leads nowhere, with a status of its own. */
export const badRequest = (status: number, message: string): Refusal =>
  refusalOf(new SluiceError('ERR_USAGE_REQUEST', message), status);
