import type { RedfishMessage, SluiceError } from '../../core/errors.js';
import { Refusal } from '../http/refusal.js';
import { base, ownMessage, type BaseMessage, type Message } from './messages.js';

/**
 * An error answer in the format of DSP0266, and in that of bmcweb if one property of the request is invalid.
 * @param property - name of the invalid property; null: none
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

/** A problem with one message of the Base registry. */
export const problem = (status: number, key: BaseMessage, ...args: readonly string[]): RedfishProblem =>
  new RedfishProblem(status, [base(key, ...args)]);

/** A problem with a property of the request body. The name is the last argument of the message, after `args`. */
export function propertyProblem(
  key: BaseMessage,
  property: string,
  args: readonly string[] = [],
  resolution?: string,
): RedfishProblem {
  const message = base(key, ...args, property);
  const related = { RelatedProperties: [`#/${property}`] };
  const resolved = resolution === undefined ? message : { ...message, Resolution: resolution };
  return new RedfishProblem(400, [{ ...resolved, ...related }], property);
}

/** Statuses of messages for which bmcweb differs from the error table. */
const STATUS: Partial<Record<RedfishMessage, number>> = {
  InternalError: 500,
  MissingOrMalformedPart: 400,
  PayloadTooLarge: 413,
  ResourceInUse: 409,
};

/**
 * The answer for an error of the service. Status and first message are those of bmcweb in the same case; the second
 * message has the text and the code of the error.
 * @param retryAfter - seconds after which a client may try a busy service again
 */
export function problemOf(error: SluiceError, retryAfter: number): RedfishProblem {
  const { redfish, http } = error.row;
  const isTemporary = redfish === 'ServiceTemporarilyUnavailable';
  const seconds = String(retryAfter);
  const first = isTemporary ? base(redfish, seconds) : base(redfish);
  return new RedfishProblem(
    STATUS[redfish] ?? http,
    [first, ownMessage(error)],
    null,
    isTemporary ? { 'retry-after': seconds } : {},
  );
}
