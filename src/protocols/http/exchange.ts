import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Principal, Right } from '../../service/roles.js';
import type { Origin } from '../../core/audit/audit-line.js';

/** The listener that accepted a connection. */
export interface ListenerContext {
  readonly kind: 'tcp' | 'unix';
  readonly tls: boolean;
  /** Role of clients without credentials, for a unix socket; its permissions decide which processes can connect. */
  readonly role: Principal['role'] | null;
}

/**
 * One way to authenticate: Basic, Bearer, a client certificate, the session tokens of Redfish. A scheme reads only
 * credentials of its own kind.
 */
export interface Scheme {
  /** Value of WWW-Authenticate in a 401 answer; null for a scheme that has none. */
  readonly challenge: string | null;
  /**
   * @returns null if the request has no credentials of this kind
   * @throws SluiceError ERR_BUSY_CREDENTIALS if they are wrong; no other scheme is tried then
   */
  identify(request: IncomingMessage, listener: ListenerContext): Principal | null | Promise<Principal | null>;
}

/** Decides which requests are allowed. */
export interface Admission {
  /**
   * Authenticates a request and requires that it has a right. Before it throws, it sets the headers of the refusal
   * (WWW-Authenticate, Retry-After) on the response.
   * @returns the client; null if it has no credentials and needs none
   * @throws SluiceError ERR_BUSY_CREDENTIALS (401), ERR_BUSY_GUESSES (429), ERR_BUSY_FORBIDDEN (403)
   */
  admit(
    request: IncomingMessage,
    response: ServerResponse,
    right: Right,
    listener: ListenerContext,
  ): Promise<Principal | null>;
  /**
   * Verifies a name and a password that were not sent by Basic, such as those of a new Redfish session. Applies the same
   * limits.
   * @throws SluiceError ERR_BUSY_CREDENTIALS, ERR_BUSY_GUESSES
   */
  login(
    name: string,
    password: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Principal>;
  /**
   * A text that changes when the credentials of a client are changed or removed, so that its sessions end.
   */
  credentialVersion(principal: Principal): string;
  /** Adds a scheme before the existing ones. For protocols that are loaded on demand. */
  use(scheme: Scheme): void;
}

/** A request and its response. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** Decoded path, without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Values of the `:name` parts of the route's path. */
  readonly parameters: Readonly<Record<string, string>>;
  /** The client; null if it has no credentials and needs none. */
  readonly principal: Principal | null;
  readonly listener: ListenerContext;
  readonly from: Origin;
}

export type Handler = (exchange: Exchange) => void | Promise<void>;

/** One method of one path. */
export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute, without a trailing slash. A part `:name` matches any single part. */
  readonly path: string;
  /** The right that the client needs; null: none. */
  readonly right: Right | null;
  readonly handle: Handler;
}
