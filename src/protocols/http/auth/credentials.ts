import { createHash, timingSafeEqual } from 'node:crypto';
import type { PasswordHash } from './password-hash.js';
import type { Principal } from '../../../service/roles.js';

/** A user with a password. */
export interface User {
  readonly role: Principal['role'];
  readonly password: PasswordHash;
}

/** A token, of which only the digest is known. */
export interface Token {
  readonly name: string;
  readonly role: Principal['role'];
  /** SHA-256 of the token. A token has 192 random bits, so that a salt or a costly hash would add nothing. */
  readonly digest: Buffer;
}

/** Users and tokens that are accepted. Immutable: credentials that are read again are a new object. */
export interface Credentials {
  readonly users: ReadonlyMap<string, User>;
  readonly tokens: readonly Token[];
}

export const NO_CREDENTIALS: Credentials = { users: new Map(), tokens: [] };

export const digestOf = (token: string): Buffer => createHash('sha256').update(token).digest();

/** The holder of a token; null if it is unknown. Takes the same time for every unknown token. */
export function holderOf({ tokens }: Credentials, text: string): Principal | null {
  const given = digestOf(text);
  let holder: Principal | null = null;
  for (const { name, role, digest } of tokens) {
    if (timingSafeEqual(given, digest)) holder = { name, role };
  }
  return holder;
}
