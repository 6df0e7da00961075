import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal, Right } from '../../service/roles.js';
import type { Origin } from '../../host/node/state/audit-line.js';

/** The kind of door that a connection came in by. */
export interface ListenerContext {
  readonly kind: 'tcp' | 'unix';
  readonly tls: boolean;
  /** What those are who come by it without credentials: the permissions of a unix socket have let them in. */
  readonly role: Principal['role'] | null;
}

/**
 * One way of proving who one is: Basic, Bearer, a client certificate, the session tokens of Redfish. A scheme looks
 * at the credentials of its own kind only.
 */
export interface Scheme {
  /** What an answer of 401 says in WWW-Authenticate; null for a scheme that browsers and clients cannot be asked for. */
  readonly challenge: string | null;
  /**
   * @returns null when the request has no credentials of this kind
   * @throws SluiceError ERR_BUSY_CREDENTIALS when it has some, and they are wrong: no other scheme is asked then
   */
  identify(request: IncomingMessage, entrance: ListenerContext): Principal | null | Promise<Principal | null>;
}

/** Decides who gets in. */
export interface Admission {
  /**
   * Whether a request may do what it asks for. Sets the headers that belong to a refusal (WWW-Authenticate,
   * Retry-After) on the response before it throws.
   * @returns who asks; null where the configuration lets everybody in
   * @throws SluiceError ERR_BUSY_CREDENTIALS (401), ERR_BUSY_GUESSES (429), ERR_BUSY_FORBIDDEN (403)
   */
  admit(
    request: IncomingMessage,
    response: ServerResponse,
    right: Right,
    entrance: ListenerContext,
  ): Promise<Principal | null>;
  /**
   * Proves a name and a password that came otherwise than by Basic, such as those that a Redfish session is made
   * with. The same limits hold for it.
   * @throws SluiceError ERR_BUSY_CREDENTIALS, ERR_BUSY_GUESSES
   */
  login(
    name: string,
    password: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Principal>;
  /**
   * What the credentials say of somebody now: another text than before when they have been changed or taken away, so
   * that what was begun with them ends.
   */
  credentialVersion(principal: Principal): string;
  /** Adds a scheme; it is asked before those that are there already. For parts that are loaded when they are used. */
  use(scheme: Scheme): void;
}

/** One request and its answer, on their way through the routes. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Path as it came, without query, percent-encoding undone. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Values of the `:name` parts of the route's path. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Who asks; null on routes that ask for nothing, and where the configuration lets everybody in. */
  readonly principal: Principal | null;
  readonly listener: ListenerContext;
  readonly from: Origin;
}

export type Handler = (exchange: Exchange) => void | Promise<void>;

/** One thing that the service answers. */
export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute, without a trailing slash; a part `:name` takes any one part of the path. */
  readonly path: string;
  /** What the client must be allowed to do; null: nothing is asked. */
  readonly right: Right | null;
  readonly handle: Handler;
}
