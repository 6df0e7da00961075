import type { ServerResponse } from 'node:http';
import { EXIT, SluiceError } from '../../core/errors.js';
import { sendJson } from '../http/reply.js';
import { base, ownMessage, type BaseMessage, type Message } from './messages.js';

/** What a request is answered with that is not done. */
export class RedfishProblem extends Error {
  override readonly name = 'RedfishProblem';
  readonly status: number;
  readonly messages: readonly Message[];
  /** The property of the request that is to blame; null where it is none. */
  readonly property: string | null;
  readonly headers: Readonly<Record<string, string>>;

  constructor(
    status: number,
    messages: readonly Message[],
    property: string | null = null,
    headers: Readonly<Record<string, string>> = {},
  ) {
    super(messages[0]?.Message);
    this.status = status;
    this.messages = messages;
    this.property = property;
    this.headers = headers;
  }
}

/** A problem of one message of the Base registry. */
export const problem = (status: number, key: BaseMessage, ...words: readonly string[]): RedfishProblem =>
  new RedfishProblem(status, [base(key, ...words)]);

/** A problem with one property of the request's body; its name is put behind `words`. */
export function propertyProblem(
  key: BaseMessage,
  property: string,
  words: readonly string[] = [],
  resolution?: string,
): RedfishProblem {
  const message = base(key, ...words, property);
  const related = { RelatedProperties: [`#/${property}`] };
  const told = resolution === undefined ? message : { ...message, Resolution: resolution };
  return new RedfishProblem(400, [{ ...told, ...related }], property);
}

/** Sends a problem, in the form of DSP0266, and of bmcweb where a property is to blame. */
export function sendProblem(response: ServerResponse, thrown: RedfishProblem): void {
  const { status, messages, property, headers } = thrown;
  const [first] = messages;
  const error = {
    code: first?.MessageId,
    message: first?.Message,
    '@Message.ExtendedInfo': messages,
  };
  const named = property === null ? {} : { [`${property}@Message.ExtendedInfo`]: messages };
  sendJson(response, status, { error, ...named }, { 'odata-version': '4.0', ...headers });
}

/**
 * How an error of the service is told. Status and first message are those that bmcweb answers in the same case; the
 * second message has the words and the code of the error.
 * @param retryAfter - seconds after which a busy service may be asked again
 */
export function problemOf(error: SluiceError, retryAfter: number): RedfishProblem {
  const own = ownMessage(error);
  const tell = (status: number, key: BaseMessage, ...words: string[]): RedfishProblem =>
    new RedfishProblem(status, [base(key, ...words), own]);
  const later = (status: number): RedfishProblem => {
    const seconds = String(retryAfter);
    const messages = [base('ServiceTemporarilyUnavailable', seconds), own];
    return new RedfishProblem(status, messages, null, { 'retry-after': seconds });
  };
  switch (error.code) {
    case 'ERR_BUSY_CREDENTIALS':
      return tell(401, 'NoValidSession');
    case 'ERR_BUSY_FORBIDDEN':
      return tell(403, 'InsufficientPrivilege');
    case 'ERR_BUSY_GUESSES':
      return later(429);
    case 'ERR_BUSY_FLASH':
    case 'ERR_SESSION_INTERRUPTED':
      return later(503);
    case 'ERR_BUSY_IN_USE':
      return tell(409, 'ResourceInUse');
    case 'ERR_BUNDLE_TOO_BIG':
      return tell(413, 'PayloadTooLarge');
    case 'ERR_SOURCE_SILENT':
      return tell(408, 'OperationTimeout');
    case 'ERR_USAGE_REQUEST':
      return tell(400, 'UnrecognizedRequestBody');
    default:
  }
  // What was wrong with the bundle is the sender's to mend, what was wrong here is not.
  const theirs = error.exit === EXIT.refused || error.exit === EXIT.source;
  return theirs ? tell(400, 'MissingOrMalformedPart') : tell(500, 'InternalError');
}
