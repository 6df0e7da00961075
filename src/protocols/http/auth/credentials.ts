import { createHash, timingSafeEqual } from 'node:crypto';
import type { PasswordHash } from './password-hash.js';
import type { Principal } from '../../../service/roles.js';

/** A user who has a password. */
export interface User {
  readonly role: Principal['role'];
  readonly password: PasswordHash;
}

/** A token, of which only the digest is known. */
export interface Token {
  readonly name: string;
  readonly role: Principal['role'];
  /** SHA-256 of its text. A token has 192 random bits: what makes passwords safe (salt, cost) would add nothing. */
  readonly digest: Buffer;
}

/** Who may come in. Unchanging: credentials that were read anew are another object. */
export interface Credentials {
  readonly users: ReadonlyMap<string, User>;
  readonly tokens: readonly Token[];
}

export const NO_CREDENTIALS: Credentials = { users: new Map(), tokens: [] };

export const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/** Whose token this is; null when it is nobody's. Takes the same time for each that is not. */
export function holderOf({ tokens }: Credentials, text: string): Principal | null {
  const given = digestOf(text);
  let holder: Principal | null = null;
  for (const { name, role, digest } of tokens) {
    if (timingSafeEqual(given, digest)) holder = { name, role };
  }
  return holder;
}
