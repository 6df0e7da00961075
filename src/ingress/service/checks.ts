import { randomBytes } from 'node:crypto';
import { SluiceError } from '../../errors.js';
import type { CheckResult } from '../../update/check-pass.js';

/** Checks kept at once. Each is 16 KiB for a 32 MiB image with 64 KiB blocks. */
const KEPT = 4;

/** Milliseconds for which a check is good: the time that it takes to send a large bundle over a slow link. */
const LIFETIME = 30 * 60 * 1000;

interface Kept {
  readonly id: string;
  readonly until: number;
  readonly result: CheckResult;
}

/** Check passes that were made for senders who will send the same bundle again. */
export class CheckStore {
  readonly #now: () => number;
  #kept: Kept[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /** @returns the id to ask for it by; it cannot be guessed */
  keep(result: CheckResult): string {
    const id = randomBytes(16).toString('hex');
    this.#forget();
    this.#kept = [...this.#kept.slice(1 - KEPT), { id, result, until: this.#now() + LIFETIME }];
    return id;
  }

  /**
   * @param name - the id that `keep` gave, or the identity of the bundle (`sha256:...`)
   * @throws SluiceError ERR_SESSION_CHECK
   */
  find(name: string): CheckResult {
    this.#forget();
    const found = this.#kept.findLast(({ id, result }) => id === name || result.identity === name);
    if (found !== undefined) return found.result;
    throw new SluiceError('ERR_SESSION_CHECK', `no check of the name ${name.slice(0, 80)} is kept here`);
  }

  #forget(): void {
    const now = this.#now();
    this.#kept = this.#kept.filter(({ until }) => until > now);
  }
}
