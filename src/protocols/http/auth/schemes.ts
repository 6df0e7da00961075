import type { IncomingMessage } from 'node:http';
import type { PeerCertificate, TLSSocket } from 'node:tls';
import { SluiceError } from '../../../core/errors.js';
import type { ListenerContext, Scheme } from '../exchange.js';
import { holderOf, type Credentials } from './credentials.js';
import type { PasswordCheck } from './password-check.js';
import { peerOf } from '../connection/peer.js';
import type { Principal } from '../../../service/roles.js';

const REALM = 'realm="sluice"';

/** `Authorization: Bearer TOKEN` (RFC 6750). */
export class BearerScheme implements Scheme {
  readonly challenge = `Bearer ${REALM}`;
  readonly #credentials: () => Credentials;

  constructor(credentials: () => Credentials) {
    this.#credentials = credentials;
  }

  identify({ headers }: IncomingMessage): Principal | null {
    const token = valueOf(headers.authorization, 'bearer');
    if (token === null) return null;
    const holder = holderOf(this.#credentials(), token);
    if (holder !== null) return holder;
    throw new SluiceError('ERR_BUSY_CREDENTIALS', 'token is wrong');
  }
}

/** `Authorization: Basic` (RFC 7617), in UTF-8. */
export class BasicScheme implements Scheme {
  readonly challenge = `Basic ${REALM}, charset="UTF-8"`;
  readonly #passwords: PasswordCheck;

  constructor(passwords: PasswordCheck) {
    this.#passwords = passwords;
  }

  async identify(request: IncomingMessage): Promise<Principal | null> {
    const value = valueOf(request.headers.authorization, 'basic');
    if (value === null) return null;
    const text = Buffer.from(value, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (colon < 0) throw new SluiceError('ERR_BUSY_CREDENTIALS', 'the credentials are not NAME:PASSWORD');
    return this.#passwords.identify(text.slice(0, colon), text.slice(colon + 1), peerOf(request));
  }
}

/**
 * Refuses credentials that no earlier scheme has read: an unknown or malformed Authorization, or a session token while
 * no session exists. Without this scheme the request would count as one without credentials.
 */
export class UnreadCredentials implements Scheme {
  readonly challenge = null;

  identify({ headers }: IncomingMessage): null {
    if (headers['x-auth-token'] !== undefined)
      throw new SluiceError('ERR_BUSY_CREDENTIALS', 'the session has ended or never existed');
    if (headers.authorization === undefined) return null;
    throw new SluiceError('ERR_BUSY_CREDENTIALS', 'the Authorization header is not understood');
  }
}

/** A client certificate, signed by an authority that the configuration names. */
export class CertificateScheme implements Scheme {
  readonly challenge = null;
  readonly #roles: ReadonlyMap<string, Principal['role']>;

  /** @param roles - by the common name (CN) of the subject */
  constructor(roles: ReadonlyMap<string, Principal['role']>) {
    this.#roles = roles;
  }

  identify({ socket }: IncomingMessage, { tls }: ListenerContext): Principal | null {
    if (!tls) return null;
    // Null, contrary to the types, if the connection is closed.
    const certificate: PeerCertificate | null = (socket as TLSSocket).getPeerCertificate();
    // Without a certificate the object is empty.
    if (Object.keys(certificate ?? {}).length === 0) return null;
    // Two common names are an array, contrary to the types. Neither is accepted.
    const name: unknown = certificate.subject?.CN;
    const role = typeof name === 'string' ? this.#roles.get(name) : undefined;
    if (role !== undefined && (socket as TLSSocket).authorized) return { name: name as string, role };
    throw new SluiceError('ERR_BUSY_CREDENTIALS', 'the client certificate is not accepted');
  }
}

/** A client of a unix socket: the permissions of the socket decide which processes can connect. */
export class LocalScheme implements Scheme {
  readonly challenge = null;

  identify(_request: IncomingMessage, { role }: ListenerContext): Principal | null {
    return role === null ? null : { name: 'local', role };
  }
}

function valueOf(header: string | undefined, scheme: string): string | null {
  const [, word, value] = /^(\w+) +(\S+) *$/.exec(header ?? '') ?? [];
  return word?.toLowerCase() === scheme ? (value as string) : null;
}
