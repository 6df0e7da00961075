import { asSluiceError } from '../../core/errors.js';
import type { Exchange } from '../http/exchange.js';
import { readJsonObject } from './json-body.js';
import { base, ownMessage } from './messages.js';
import type { RedfishOptions } from './options.js';
import { SESSION_SERVICE, SESSIONS } from './paths.js';
import { problem, propertyProblem, RedfishProblem } from './problem.js';
import { collection, link } from './service-root.js';
import { SESSION_TIMEOUT_S, type Session, type SessionStore } from './sessions.js';
import { dateOf } from './task-resources.js';
import { textOfValue } from './json-body.js';

export const sessionPath = ({ id }: Session): string => `${SESSIONS}/${id}`;

export const sessionService = (): object => ({
  '@odata.id': SESSION_SERVICE,
  '@odata.type': '#SessionService.v1_0_2.SessionService',
  Id: 'SessionService',
  Name: 'Session Service',
  Description: 'Session Service',
  ServiceEnabled: true,
  SessionTimeout: SESSION_TIMEOUT_S,
  Sessions: link(SESSIONS),
});

export const sessionCollection = ({ all }: SessionStore): object =>
  collection(SESSIONS, 'Session', 'Session Collection', all.map(sessionPath));

export const sessionResource = (session: Session): object => ({
  '@odata.id': sessionPath(session),
  '@odata.type': '#Session.v1_7_0.Session',
  Id: session.id,
  Name: 'User Session',
  Description: 'Manager User Session',
  UserName: session.principal.name,
  Roles: [session.principal.role],
  SessionType: 'Redfish',
  CreatedTime: dateOf(session.created),
  ClientOriginIPAddress: session.peer,
});

/**
 * Creates a session for a name and a password (docs/redfish.md, Credentials).
 * @throws RedfishProblem
 */
export async function login(
  { admission, counters, silence }: RedfishOptions,
  sessions: SessionStore,
  exchange: Exchange,
): Promise<{ session: Session; token: string }> {
  const { request, response, path } = exchange;
  const body = await readJsonObject(exchange, { silence });
  for (const name of Object.keys(body)) {
    if (name !== 'UserName' && name !== 'Password') throw propertyProblem('PropertyUnknown', name);
  }
  const text = (name: 'UserName' | 'Password'): string => {
    const value = body[name];
    if (value === undefined) throw propertyProblem('PropertyMissing', name);
    if (typeof value === 'string') return value;
    // A password of the wrong type is still secret.
    throw propertyProblem('PropertyValueTypeError', name, [name === 'Password' ? '***' : textOfValue(value)]);
  };
  const [name, password] = [text('UserName'), text('Password')];
  const principal = await admission.login(name, password, request, response).catch((thrown: unknown) => {
    const error = asSluiceError(thrown);
    if (error.code !== 'ERR_BUSY_CREDENTIALS') throw error;
    counters.countError(request, error, true);
    const message = base('ResourceAtUriUnauthorized', path, 'Invalid username or password');
    throw new RedfishProblem(401, [message, ownMessage(error)]);
  });
  try {
    return sessions.begin(principal, exchange.from.peer);
  } catch {
    throw problem(503, 'SessionLimitExceeded');
  }
}
