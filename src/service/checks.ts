import { randomBytes } from 'node:crypto';
import { SluiceError } from '../core/errors.js';
import type { CheckResult } from '../core/update/check/check-pass.js';
import type { UpdateRequest } from './update-request.js';
import { isSameSecret } from '../host/node/crypto/secrets.js';

/** Checks kept at once. Each is 16 KiB for a 32 MiB image with 64 KiB blocks. */
const MAX_CHECKS = 4;

/** Milliseconds for which a check is good: the time that it takes to send a large bundle over a slow link. */
const LIFETIME_MS = 30 * 60 * 1000;

interface StoredCheck {
  readonly id: string;
  /** Partitions that it was made for; null for all. */
  readonly only: readonly string[] | null;
  readonly until: number;
  readonly result: CheckResult;
}

/** Check passes that were made for senders who will send the same bundle again. */
export class CheckStore {
  readonly #now: () => number;
  #kept: StoredCheck[] = [];

  constructor(now: () => number) {
    this.#now = now;
  }

  /**
   * @param only - the partitions that the check was made for; null for all
   * @returns the id to ask for it by; it cannot be guessed
   */
  keep(result: CheckResult, only: readonly string[] | null): string {
    const id = randomBytes(16).toString('hex');
    this.#forget();
    this.#kept = [
      ...this.#kept.slice(1 - MAX_CHECKS),
      { id, only, result, until: this.#now() + LIFETIME_MS },
    ];
    return id;
  }

  /**
   * A check of a whole bundle goes for any of its partitions. One that was made for some goes for exactly these: the
   * bundle may have been proven only on the ground that they were named (core/trust/image-set.ts).
   *
   * @param name - the id that `keep` gave, or the identity of the bundle (`sha256:...`)
   * @param only - the partitions that are to be written; null for all
   * @throws SluiceError ERR_SESSION_CHECK
   */
  find(name: string, only: readonly string[] | null): CheckResult {
    this.#forget();
    const found = this.#kept.filter(({ id, result }) => isSameSecret(id, name) || result.identity === name);
    const fitting = found.findLast((kept) => kept.only === null || sameNames(kept.only, only));
    if (fitting !== undefined) return fitting.result;
    const short = name.slice(0, 80);
    const [other] = found;
    throw new SluiceError(
      'ERR_SESSION_CHECK',
      other === undefined
        ? `no check of the name ${short} is kept here`
        : `the check ${short} was made for ${other.only?.join(', ')}, and this update is for ${only?.join(', ') ?? 'all'}`,
    );
  }

  /**
   * The check that a request relies on; null for none.
   * @throws SluiceError ERR_SESSION_CHECK
   */
  resultOf({ check, only }: UpdateRequest): CheckResult | null {
    return typeof check === 'string' ? this.find(check, only) : check;
  }

  #forget(): void {
    const now = this.#now();
    this.#kept = this.#kept.filter(({ until }) => until > now);
  }
}

function sameNames(a: readonly string[], b: readonly string[] | null): boolean {
  return b !== null && new Set(a).size === new Set(b).size && a.every((name) => b.includes(name));
}
