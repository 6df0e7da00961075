import type { IncomingMessage, ServerResponse } from 'node:http';
import { asSluiceError, SluiceError } from '../../../core/errors.js';
import { type ListenerContext, type Admission, type Scheme } from '../exchange.js';
import { markAuthorized } from '../connection/connections.js';
import type { Credentials } from './credentials.js';
import { PasswordCheck } from './password-check.js';
import { peerOf } from '../connection/peer.js';
import { BasicScheme, BearerScheme, CertificateScheme, LocalScheme } from './schemes.js';
import { isCrossSite, isOwnHost } from './sites.js';
import { mayDo, type Principal, type Right } from '../../../service/roles.js';

export interface GateOptions {
  /** The credentials of now; asked for at each request. */
  readonly credentials: () => Credentials;
  /** What everybody may do without credentials; null for nothing. */
  readonly open: Right | null;
  /** Names besides addresses that the service is called by; asked for where `open` is not null. */
  readonly names: readonly string[];
  /** Roles of client certificates, by the common name of their subject. */
  readonly certificates: ReadonlyMap<string, Principal['role']>;
  /** Milliseconds of a clock that never goes back. */
  readonly now: () => number;
}

/** The service's own gatekeeper. */
export class AccessControl implements Admission {
  readonly #options: GateOptions;
  readonly #passwords: PasswordCheck;
  #schemes: readonly Scheme[];

  constructor(options: GateOptions) {
    const { credentials, certificates, now } = options;
    this.#options = options;
    this.#passwords = new PasswordCheck(credentials, now);
    this.#schemes = [
      new BearerScheme(credentials),
      new BasicScheme(this.#passwords),
      ...(certificates.size === 0 ? [] : [new CertificateScheme(certificates)]),
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
    entrance: ListenerContext,
  ): Promise<Principal | null> {
    const principal = await this.#orRefuse(request, response, async () => {
      const { open, names } = this.#options;
      refuseForeignPages(request);
      if (open !== null && entrance.kind === 'tcp' && !isOwnHost(request, names)) {
        throw forbidden(`the service is not known as ${(request.headers.host ?? '').slice(0, 80)}`);
      }
      const principal = await this.#identify(request, entrance);
      if (principal === null) {
        if (open === 'write' || open === right) return null;
        throw new SluiceError('ERR_BUSY_CREDENTIALS', 'this request needs credentials');
      }
      if (mayDo(principal, right)) return principal;
      // Whoever may do it without a name may also do it with one.
      if (open === 'write') return principal;
      throw forbidden(`${principal.name} may look, but not write`);
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
    return this.#orRefuse(request, response, () => {
      refuseForeignPages(request);
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

  async #identify(request: IncomingMessage, entrance: ListenerContext): Promise<Principal | null> {
    for (const scheme of this.#schemes) {
      const principal = await scheme.identify(request, entrance);
      if (principal !== null) return principal;
    }
    return null;
  }

  async #orRefuse<T>(request: IncomingMessage, response: ServerResponse, ask: () => Promise<T>): Promise<T> {
    try {
      return await ask();
    } catch (thrown) {
      const { code } = asSluiceError(thrown);
      if (code === 'ERR_BUSY_GUESSES')
        response.setHeader('retry-after', this.#passwords.wait(peerOf(request)));
      else if (code === 'ERR_BUSY_CREDENTIALS') {
        response.setHeader(
          'www-authenticate',
          this.#schemes.flatMap(({ challenge }) => challenge ?? []).filter((text) => isFor(request, text)),
        );
      }
      throw thrown;
    }
  }
}

function refuseForeignPages(request: IncomingMessage): void {
  if (isCrossSite(request)) throw forbidden('a page of another site has sent this');
}

const forbidden = (message: string): SluiceError => new SluiceError('ERR_BUSY_FORBIDDEN', message);

/** A script of a page asks its reader by itself; at a challenge of Basic the browser would, with a window of its own. */
function isFor({ headers }: IncomingMessage, challenge: string): boolean {
  return headers['x-requested-with'] === undefined || !challenge.startsWith('Basic');
}
