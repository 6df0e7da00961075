import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Origin } from '../service/receipts.js';

/** What a sender may do: everything of `read`, or of `read` and `write`. */
export type Right = 'read' | 'write';

/** Somebody who has proven who they are. */
export interface Principal {
  readonly name: string;
  /** Redfish roles: ReadOnly may `read`, Operator and Administrator may `write` too. */
  readonly role: 'Administrator' | 'Operator' | 'ReadOnly';
}

/** Whether a role goes as far as a right. */
export const mayDo = ({ role }: Principal, right: Right): boolean => right === 'read' || role !== 'ReadOnly';

/** Says who sends a request. */
export interface Gatekeeper {
  /**
   * @returns null when the request has no credentials
   * @throws SluiceError ERR_BUSY_CREDENTIALS when they are wrong
   */
  identify(request: IncomingMessage): Promise<Principal | null>;
  /** What an answer of 401 says in WWW-Authenticate. */
  readonly challenge: string;
  /** What everybody may do without credentials. */
  readonly open: Right | null;
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
  readonly from: Origin;
}

export type Handler = (exchange: Exchange) => void | Promise<void>;

/** One thing that the service answers. */
export interface Route {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Absolute, without a trailing slash; a part `:name` takes any one part of the path. */
  readonly path: string;
  /** What the asker must be allowed; null: nothing is asked. */
  readonly right: Right | null;
  readonly handle: Handler;
}
