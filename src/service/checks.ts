import { randomBytes } from 'node:crypto';
import { SluiceError } from '../core/errors.js';
import type { CheckResult } from '../core/update/check/check-pass.js';
import type { UpdateRequest } from './update-request.js';
import { isSameSecret } from '../host/node/crypto/secrets.js';

/** Stored checks. Each takes 16 KiB for a 32 MiB image with 64 KiB blocks. */
const MAX_CHECKS = 4;

/** Validity of a check: the time to send a large bundle over a slow link. */
const LIFETIME_MS = 30 * 60 * 1000;

interface StoredCheck {
  readonly id: string;
  /** Checked partitions; null for all. */
  readonly only: readonly string[] | null;
  readonly until: number;
  readonly result: CheckResult;
}

/** Results of check passes, for updates with the same bundle. */
export class CheckStore {
  readonly #now: () => number;
  readonly #keysVersion: () => string;
  /** The keys with which a result was proven. */
  readonly #keysOf = new WeakMap<CheckResult, string>();
  #stored: StoredCheck[] = [];

  /** @param keysVersion - see ServiceOptions */
  constructor(now: () => number, keysVersion: () => string = () => '') {
    this.#now = now;
    this.#keysVersion = keysVersion;
  }

  /** Of the keys that are trusted now. */
  get keysVersion(): string {
    return this.#keysVersion();
  }

  /**
   * @param only - the checked partitions; null for all
   * @param keys - `keysVersion` before the check
   * @returns the id of the check; it cannot be guessed
   */
  keep(result: CheckResult, only: readonly string[] | null, keys = this.keysVersion): string {
    this.#keysOf.set(result, keys);
    const id = randomBytes(16).toString('hex');
    this.#removeExpired();
    this.#stored = [
      ...this.#stored.slice(1 - MAX_CHECKS),
      { id, only, result, until: this.#now() + LIFETIME_MS },
    ];
    return id;
  }

  /**
   * Finds a check. A check of a whole bundle is valid for any of its partitions. A check of some partitions is valid for
   * exactly these: the bundle may be verified only because they were named (core/trust/image-set.ts).
   *
   * @param name - the id from `keep`, or the identity of the bundle (`sha256:...`)
   * @param only - the partitions to write; null for all
   * @throws SluiceError ERR_SESSION_CHECK
   */
  find(name: string, only: readonly string[] | null): CheckResult {
    this.#removeExpired();
    const found = this.#stored.filter(({ id, result }) => isSameSecret(id, name) || result.identity === name);
    const valid = found.findLast((kept) => kept.only === null || sameNames(kept.only, only));
    if (valid !== undefined) return valid.result;
    const short = name.slice(0, 80);
    const [mismatched] = found;
    throw new SluiceError(
      'ERR_SESSION_CHECK',
      mismatched === undefined
        ? `check ${short} does not exist or has expired`
        : `check ${short} was made for ${mismatched.only?.join(', ')}, but this update is for ${only?.join(', ') ?? 'all'}`,
    );
  }

  /**
   * The result of the check that a request names; null: none. A check is valid only while the keys with which it was
   * verified are trusted: its blocks are written because of the check alone.
   * @throws SluiceError ERR_SESSION_CHECK
   */
  resultOf({ check, only }: UpdateRequest): CheckResult | null {
    const result = typeof check === 'string' ? this.find(check, only) : check;
    const keys = result === null ? undefined : this.#keysOf.get(result);
    if (keys === undefined || keys === this.keysVersion) return result;
    throw new SluiceError('ERR_SESSION_CHECK', 'the trusted keys have changed since the check was made');
  }

  #removeExpired(): void {
    const now = this.#now();
    this.#stored = this.#stored.filter(({ until }) => until > now);
  }
}

function sameNames(a: readonly string[], b: readonly string[] | null): boolean {
  return b !== null && new Set(a).size === new Set(b).size && a.every((name) => b.includes(name));
}
