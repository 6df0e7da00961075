import type { RedfishMessage, SluiceError } from '../../core/errors.js';
import { Refusal } from '../http/refusal.js';
import { base, ownMessage, type BaseMessage, type Message } from './messages.js';

/**
 * A refusal in the form of DSP0266, and of bmcweb if one property of the request is to blame.
 * @param property - its name; null if none is to blame
 */
export class RedfishProblem extends Refusal {
  override readonly name = 'RedfishProblem';

  constructor(
    status: number,
    messages: readonly [Message, ...Message[]],
    property: string | null = null,
    headers: Readonly<Record<string, string>> = {},
  ) {
    const [{ MessageId, Message }] = messages;
    const error = { code: MessageId, message: Message, '@Message.ExtendedInfo': messages };
    const named = property === null ? {} : { [`${property}@Message.ExtendedInfo`]: messages };
    super(Message, status, { error, ...named }, { 'odata-version': '4.0', ...headers });
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
  const resolved = resolution === undefined ? message : { ...message, Resolution: resolution };
  return new RedfishProblem(400, [{ ...resolved, ...related }], property);
}

/** Statuses of messages that bmcweb answers with another one than the rest of HTTP would; else the one of the table. */
const STATUS: Partial<Record<RedfishMessage, number>> = {
  InternalError: 500,
  MissingOrMalformedPart: 400,
  PayloadTooLarge: 413,
  ResourceInUse: 409,
};

/**
 * An error of the service as an answer. Status and first message are those that bmcweb answers in the same case; the
 * second message has the words and the code of the error.
 * @param retryAfter - seconds after which a busy service may be asked again
 */
export function problemOf(error: SluiceError, retryAfter: number): RedfishProblem {
  const { redfish, http } = error.row;
  const later = redfish === 'ServiceTemporarilyUnavailable';
  const seconds = String(retryAfter);
  const first = later ? base(redfish, seconds) : base(redfish);
  return new RedfishProblem(
    STATUS[redfish] ?? http,
    [first, ownMessage(error)],
    null,
    later ? { 'retry-after': seconds } : {},
  );
}
