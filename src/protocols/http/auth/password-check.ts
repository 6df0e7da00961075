import { createHmac, randomBytes } from 'node:crypto';
import { SluiceError } from '../../../core/errors.js';
import { holderOf, type Credentials } from './credentials.js';
import { FailureBudget } from './failure-budget.js';
import { impossibleHash, isPassword, MAX_PASSWORD_CHARACTERS, type PasswordHash } from './password-hash.js';
import { PasswordCheckQueue } from './password-check-queue.js';
import type { Principal } from '../../../service/roles.js';

/** Correct passwords that are cached, by a keyed digest that is useless outside this process. */
const MAX_REMEMBERED_PASSWORDS = 16;

/**
 * Verifies names and passwords. A check costs memory and time (scrypt), so only one runs at a time. Clients without
 * failures go first. The result for a correct password is cached, so that a client that polls pays once.
 */
export class PasswordCheck {
  readonly #credentials: () => Credentials;
  readonly #failures: FailureBudget;
  readonly #queue = new PasswordCheckQueue();
  readonly #key = randomBytes(32);
  readonly #cache = new Map<string, Principal>();
  readonly #running = new Map<string, Promise<Principal | null>>();
  #cachedFor: Credentials | null = null;
  #unknownUser: PasswordHash = impossibleHash(undefined);

  /** @param credentials - returns the current ones @param now - milliseconds of a clock that never goes back */
  constructor(credentials: () => Credentials, now: () => number) {
    this.#credentials = credentials;
    this.#failures = new FailureBudget(now);
  }

  /** Seconds that a client must wait before it may try again. */
  secondsToWait(peer: string): number {
    return this.#failures.secondsToWait(peer);
  }

  /**
   * A token is accepted as a password too, with any name: some clients, such as browsers, support Basic only.
   * @param peer - see peerOf
   * @throws SluiceError ERR_BUSY_CREDENTIALS, ERR_BUSY_GUESSES
   */
  async identify(name: string, password: string, peer: string): Promise<Principal> {
    const credentials = this.#credentials();
    this.#refresh(credentials);
    if (password.length > MAX_PASSWORD_CHARACTERS || name.length > MAX_PASSWORD_CHARACTERS) throw wrong();
    const holder = holderOf(credentials, password);
    if (holder !== null) return holder;
    const digest = this.#digest(name, password);
    const known = this.#cache.get(digest);
    if (known !== undefined) return known;
    // If no user has a password, there is none to guess.
    if (credentials.users.size === 0) throw wrong();
    const principal = await this.#shared(`${peer} ${digest}`, () =>
      this.#check(name, password, peer, credentials),
    );
    if (principal === null) throw wrong();
    // The credentials may have changed while the check waited for its turn.
    if (credentials === this.#cachedFor) this.#remember(digest, principal);
    return principal;
  }

  async #check(
    name: string,
    password: string,
    peer: string,
    credentials: Credentials,
  ): Promise<Principal | null> {
    const failedBefore = this.#failures.hasFailed(peer);
    if (!this.#failures.take(peer)) throw tooManyFailures();
    const user = credentials.users.get(name);
    const queued = this.#queue.take(peer, this.#failures.left(peer), failedBefore, async () => {
      const isRight = await isPassword(password, user?.password ?? this.#unknownUser);
      return isRight && user !== undefined;
    });
    if (queued === null) {
      this.#failures.giveBack(peer);
      throw tooManyFailures();
    }
    let isRight = false;
    try {
      isRight = await queued;
    } finally {
      if (isRight) this.#failures.giveBack(peer);
    }
    return isRight && user !== undefined ? { name, role: user.role } : null;
  }

  /** Browsers send the same password in several requests at once: these share one check. */
  #shared(key: string, check: () => Promise<Principal | null>): Promise<Principal | null> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const fresh = check().finally(() => this.#running.delete(key));
    this.#running.set(key, fresh);
    return fresh;
  }

  #remember(digest: string, principal: Principal): void {
    this.#cache.set(digest, principal);
    if (this.#cache.size > MAX_REMEMBERED_PASSWORDS)
      this.#cache.delete(this.#cache.keys().next().value as string);
  }

  #refresh(credentials: Credentials): void {
    if (credentials === this.#cachedFor) return;
    this.#cachedFor = credentials;
    this.#cache.clear();
    this.#running.clear();
    const [first] = credentials.users.values();
    this.#unknownUser = impossibleHash(first?.password);
  }

  #digest(name: string, password: string): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([name, password]))
      .digest('base64');
  }
}

const wrong = (): SluiceError => new SluiceError('ERR_BUSY_CREDENTIALS', 'user name or password is wrong');

const tooManyFailures = (): SluiceError =>
  new SluiceError('ERR_BUSY_GUESSES', 'too many wrong passwords came from this client');
