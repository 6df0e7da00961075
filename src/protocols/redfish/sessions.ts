import { createHash, randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { SluiceError } from '../../core/errors.js';
import type { Scheme } from '../http/exchange.js';
import { makePlace } from '../../service/places.js';
import type { Principal } from '../../service/roles.js';

/** Open sessions. */
const MAX_SESSIONS = 32;

/** Seconds without a request after which a session ends; the same as bmcweb's. */
export const SESSION_TIMEOUT_S = 1800;

/** Age at which a session ends even if it is used. */
const LIFETIME_MS = 24 * 60 * 60 * 1000;

/** Time without a request after which a session may be closed to make room for a new one. */
const EVICTABLE_AFTER_MS = 60_000;

export interface Session {
  readonly id: string;
  readonly principal: Principal;
  /** Address of the client; null for a local socket. */
  readonly peer: string | null;
  readonly created: Date;
}

interface StoredSession extends Session {
  readonly since: number;
  used: number;
  /** Version of the credentials of its principal at its start. */
  readonly credentialVersion: string;
}

/** Sessions of Redfish clients, in memory, and the scheme that accepts their tokens. */
export class SessionStore implements Scheme {
  readonly challenge = null;
  readonly #now: () => number;
  readonly #credentialVersion: (principal: Principal) => string;
  /** By the digest of the token: the lookup does not take constant time, and a digest cannot be approached by guessing. */
  readonly #sessions = new Map<string, StoredSession>();

  /**
   * @param now - milliseconds of a clock that never goes back
   * @param credentialVersion - see Admission; a session ends if the version of its credentials changes
   */
  constructor(now: () => number, credentialVersion: (principal: Principal) => string = () => '') {
    this.#now = now;
    this.#credentialVersion = credentialVersion;
  }

  get all(): readonly Session[] {
    this.#removeExpired();
    return [...this.#sessions.values()];
  }

  /**
   * @returns the session and its token, which is not stored
   * @throws RangeError if the principal, or all together, have too many that are in use
   */
  begin(principal: Principal, peer: string | null): { session: Session; token: string } {
    this.#removeExpired();
    this.#makeRoom(principal);
    const token = randomBytes(24).toString('base64url');
    const now = this.#now();
    const session = {
      id: randomBytes(6).toString('base64url'),
      principal,
      peer,
      created: new Date(),
      since: now,
      used: now,
      credentialVersion: this.#credentialVersion(principal),
    };
    this.#sessions.set(digestOf(token), session);
    return { session, token };
  }

  find(id: string): Session | null {
    return this.all.find((session) => session.id === id) ?? null;
  }

  end(session: Session): void {
    for (const [digest, kept] of this.#sessions) if (kept === session) this.#sessions.delete(digest);
  }

  /** See Scheme. */
  identify({ headers }: IncomingMessage): Principal | null {
    const token = headers['x-auth-token'];
    if (token === undefined) return null;
    this.#removeExpired();
    const session = this.#sessions.get(digestOf(String(token)));
    if (session === undefined) {
      throw new SluiceError('ERR_BUSY_CREDENTIALS', 'the session has ended or never existed');
    }
    session.used = this.#now();
    return session.principal;
  }

  #removeExpired(): void {
    const now = this.#now();
    for (const [digest, { since, used, principal, credentialVersion }] of this.#sessions) {
      const isOld = now - used > SESSION_TIMEOUT_S * 1000 || now - since > LIFETIME_MS;
      if (isOld || this.#credentialVersion(principal) !== credentialVersion) this.#sessions.delete(digest);
    }
  }

  #makeRoom(principal: Principal): void {
    const quietest = [...this.#sessions.values()].sort((a, b) => a.used - b.used);
    const quiet = this.#now() - EVICTABLE_AFTER_MS;
    const leaving = makePlace(quietest, MAX_SESSIONS, { principal }, ({ used }) => used <= quiet);
    if (leaving === undefined) throw new RangeError('too many sessions');
    if (leaving !== null) this.end(leaving);
  }
}

const digestOf = (token: string): string => createHash('sha256').update(token).digest('base64');
