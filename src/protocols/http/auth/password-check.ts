import { createHmac, randomBytes } from 'node:crypto';
import { SluiceError } from '../../../core/errors.js';
import { holderOf, type Credentials } from './credentials.js';
import { FailureBudget } from './failure-budget.js';
import { impossibleHash, isPassword, LONGEST_PASSWORD, type PasswordHash } from './password-hash.js';
import { PasswordCheckQueue } from './password-check-queue.js';
import type { Principal } from '../../../service/roles.js';

/** Right passwords that are remembered, by a digest that is worth nothing outside of this process. */
const REMEMBERED = 16;

/**
 * Tells whose password it is. A check costs memory and time (scrypt), so there is one at a time; senders who have
 * guessed wrong come after those who have not, and a client that polls pays once.
 */
export class PasswordCheck {
  readonly #credentials: () => Credentials;
  readonly #guesses: FailureBudget;
  readonly #turns = new PasswordCheckQueue();
  readonly #key = randomBytes(32);
  readonly #right = new Map<string, Principal>();
  readonly #running = new Map<string, Promise<Principal | null>>();
  #seen: Credentials | null = null;
  #nobody: PasswordHash = impossibleHash(undefined);

  /** @param credentials - those of now @param now - milliseconds of a clock that never goes back */
  constructor(credentials: () => Credentials, now: () => number) {
    this.#credentials = credentials;
    this.#guesses = new FailureBudget(now);
  }

  /** Seconds that a sender must wait before it may guess again. */
  wait(peer: string): number {
    return this.#guesses.wait(peer);
  }

  /**
   * A token is taken for a password too, whatever the name: for browsers, and clients that know nothing else.
   * @param peer - who is counted as one sender, see peerOf
   * @throws SluiceError ERR_BUSY_CREDENTIALS, ERR_BUSY_GUESSES
   */
  async identify(name: string, password: string, peer: string): Promise<Principal> {
    const credentials = this.#credentials();
    this.#refresh(credentials);
    if (password.length > LONGEST_PASSWORD || name.length > LONGEST_PASSWORD) throw wrong();
    const holder = holderOf(credentials, password);
    if (holder !== null) return holder;
    const digest = this.#digest(name, password);
    const known = this.#right.get(digest);
    if (known !== undefined) return known;
    // Where nobody has a password there is none to be guessed.
    if (credentials.users.size === 0) throw wrong();
    const principal = await this.#once(`${peer} ${digest}`, () =>
      this.#check(name, password, peer, credentials),
    );
    if (principal === null) throw wrong();
    // The credentials may have changed while it waited for its turn.
    if (credentials === this.#seen) this.#remember(digest, principal);
    return principal;
  }

  async #check(
    name: string,
    password: string,
    peer: string,
    credentials: Credentials,
  ): Promise<Principal | null> {
    const guesser = this.#guesses.hasGuessed(peer);
    if (!this.#guesses.take(peer)) throw tooMany();
    const user = credentials.users.get(name);
    const turn = this.#turns.take(peer, this.#guesses.left(peer), guesser, async () => {
      const right = await isPassword(password, user?.password ?? this.#nobody);
      return right && user !== undefined;
    });
    if (turn === null) {
      this.#guesses.giveBack(peer);
      throw tooMany();
    }
    let right = false;
    try {
      right = await turn;
    } finally {
      if (right) this.#guesses.giveBack(peer);
    }
    return right && user !== undefined ? { name, role: user.role } : null;
  }

  /** The same password twice at once, as browsers send it, is one check. */
  #once(key: string, check: () => Promise<Principal | null>): Promise<Principal | null> {
    const running = this.#running.get(key);
    if (running !== undefined) return running;
    const fresh = check().finally(() => this.#running.delete(key));
    this.#running.set(key, fresh);
    return fresh;
  }

  #remember(digest: string, principal: Principal): void {
    this.#right.set(digest, principal);
    if (this.#right.size > REMEMBERED) this.#right.delete(this.#right.keys().next().value as string);
  }

  #refresh(credentials: Credentials): void {
    if (credentials === this.#seen) return;
    this.#seen = credentials;
    this.#right.clear();
    this.#running.clear();
    const [first] = credentials.users.values();
    this.#nobody = impossibleHash(first?.password);
  }

  #digest(name: string, password: string): string {
    return createHmac('sha256', this.#key)
      .update(JSON.stringify([name, password]))
      .digest('base64');
  }
}

const wrong = (): SluiceError => new SluiceError('ERR_BUSY_CREDENTIALS', 'the name or the password is wrong');

const tooMany = (): SluiceError =>
  new SluiceError('ERR_BUSY_GUESSES', 'there were too many wrong passwords from this sender');
