import { SluiceError } from '../../core/errors.js';

/** An error answer. Thrown by a route, sent unchanged. */
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

/** The answer for an error in all protocols but Redfish. The default status is that of docs/errors.md. */
export function refusalOf(error: SluiceError, status = error.row.http): Refusal {
  const { code, message, nextRemote, flash } = error;
  return new Refusal(message, status, { code, message, next: nextRemote, flash });
}

/** An answer with ERR_USAGE_REQUEST and its own status. */
export const badRequest = (status: number, message: string): Refusal =>
  refusalOf(new SluiceError('ERR_USAGE_REQUEST', message), status);
