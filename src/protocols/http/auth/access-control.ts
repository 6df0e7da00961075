import type { IncomingMessage, ServerResponse } from 'node:http';
import { asSluiceError, SluiceError } from '../../../core/errors.js';
import { type ListenerContext, type Admission, type Scheme } from '../exchange.js';
import { markAuthorized } from '../connection/connections.js';
import type { Credentials } from './credentials.js';
import { PasswordCheck } from './password-check.js';
import { peerOf } from '../connection/peer.js';
import { BasicScheme, BearerScheme, CertificateScheme, LocalScheme, UnreadCredentials } from './schemes.js';
import { isCrossSite, isOwnHost } from './sites.js';
import { mayDo, type Principal, type Right } from '../../../service/roles.js';

export interface AccessControlOptions {
  /** Returns the current credentials; called for each request. */
  readonly credentials: () => Credentials;
  /** What clients may do without credentials; null: nothing. */
  readonly open: Right | null;
  /** Host names of the service besides its addresses; checked if `open` is not null. */
  readonly names: readonly string[];
  /** Roles of client certificates, by the common name of their subject. */
  readonly certificates: ReadonlyMap<string, Principal['role']>;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** Authenticates requests and checks their rights. */
export class AccessControl implements Admission {
  readonly #options: AccessControlOptions;
  readonly #passwords: PasswordCheck;
  #schemes: readonly Scheme[];

  constructor(options: AccessControlOptions) {
    const { credentials, certificates, now } = options;
    this.#options = options;
    this.#passwords = new PasswordCheck(credentials, now);
    this.#schemes = [
      new BearerScheme(credentials),
      new BasicScheme(this.#passwords),
      new UnreadCredentials(),
      new CertificateScheme(certificates),
      new LocalScheme(),
    ];
  }

  use(scheme: Scheme): void {
    this.#schemes = [scheme, ...this.#schemes];
  }

  async admit(
    request: IncomingMessage,
    response: ServerResponse,
    right: Right,
    listener: ListenerContext,
  ): Promise<Principal | null> {
    const principal = await this.#withRefusalHeaders(request, response, async () => {
      const { open, names } = this.#options;
      refuseCrossSite(request);
      if (open !== null && listener.kind === 'tcp' && !isOwnHost(request, names)) {
        throw forbidden(`the service has no host name ${(request.headers.host ?? '').slice(0, 80)}`);
      }
      const principal = await this.#identify(request, listener);
      if (principal === null) {
        if (open === 'write' || open === right) return null;
        throw new SluiceError('ERR_BUSY_CREDENTIALS', 'the request has no credentials');
      }
      if (mayDo(principal, right)) return principal;
      // Credentials must not grant less than their absence does.
      if (open === 'write') return principal;
      throw forbidden(`${principal.name} may read, but not write`);
    });
    markAuthorized(request);
    return principal;
  }

  async login(
    name: string,
    password: string,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<Principal> {
    return this.#withRefusalHeaders(request, response, () => {
      refuseCrossSite(request);
      return this.#passwords.identify(name, password, peerOf(request));
    });
  }

  credentialVersion({ name }: Principal): string {
    const { users, tokens } = this.#options.credentials();
    const user = users.get(name);
    const known = tokens.filter((token) => token.name === name);
    return [
      ...(user === undefined ? [] : [user.role, user.password.hash.toString('hex')]),
      ...known.flatMap(({ role, digest }) => [role, digest.toString('hex')]),
    ].join(' ');
  }

  async #identify(request: IncomingMessage, listener: ListenerContext): Promise<Principal | null> {
    for (const scheme of this.#schemes) {
      const principal = await scheme.identify(request, listener);
      if (principal !== null) return principal;
    }
    return null;
  }

  async #withRefusalHeaders<T>(
    request: IncomingMessage,
    response: ServerResponse,
    authenticate: () => Promise<T>,
  ): Promise<T> {
    try {
      return await authenticate();
    } catch (thrown) {
      const { code } = asSluiceError(thrown);
      if (code === 'ERR_BUSY_GUESSES')
        response.setHeader('retry-after', this.#passwords.secondsToWait(peerOf(request)));
      else if (code === 'ERR_BUSY_CREDENTIALS') {
        response.setHeader(
          'www-authenticate',
          this.#schemes
            .flatMap(({ challenge }) => challenge ?? [])
            .filter((text) => canChallenge(request, text)),
        );
      }
      throw thrown;
    }
  }
}

function refuseCrossSite(request: IncomingMessage): void {
  if (isCrossSite(request)) throw forbidden('the request comes from a page of another site');
}

const forbidden = (message: string): SluiceError => new SluiceError('ERR_BUSY_FORBIDDEN', message);

/** At a Basic challenge the browser opens its own password dialog; the script of a page has its own form instead. */
function canChallenge({ headers }: IncomingMessage, challenge: string): boolean {
  return headers['x-requested-with'] === undefined || !challenge.startsWith('Basic');
}
