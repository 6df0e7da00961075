import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** A password as it is kept: what scrypt makes of it, and with what parameters. */
export interface PasswordHash {
  /** Cost: a power of two. One check takes 128 · N · r bytes of memory while it lasts. */
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/**
 * What new hashes are made with: 4 MiB and some 10 ms on a server, some 200 ms on the processor of a small board.
 * The 16 MiB that are usual would break the service's memory ceiling of 8 MiB above idle.
 */
const COST = { N: 4096, r: 8, p: 1 };

/** Bytes of memory that one check may take, whatever the file says. */
const MEMORY = 8 * 1024 * 1024;

/** With more passes each request could hold a small board for seconds. */
const MOST_PASSES = 16;

const LEAST_N = 1024;
const HASH_BYTES = 32;
const SALT_BYTES = 16;

const FORM = /^scrypt\$(\d{1,7})\$(\d{1,3})\$(\d{1,3})\$([\w-]{22,86})\$([\w-]{43})$/;

/** Longest password that is looked at, in characters. */
export const LONGEST_PASSWORD = 1024;

/** @returns null when the text is no hash, or one that this service will not pay for */
export function parsePasswordHash(text: string): PasswordHash | null {
  const [, n, r, p, salt, hash] = FORM.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return null;
  const cost = { N: Number(n), r: Number(r), p: Number(p) };
  const isPower = cost.N >= LEAST_N && (cost.N & (cost.N - 1)) === 0;
  if (!isPower || cost.r < 1 || cost.p < 1 || cost.p > MOST_PASSES) return null;
  if (128 * cost.N * cost.r > MEMORY) return null;
  return { ...cost, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') };
}

/** `scrypt$N$r$p$SALT$HASH`, salt and hash in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, { ...COST, salt });
  const { N, r, p } = COST;
  return ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** Whether it is the password that was hashed. Takes memory and time: never more than one at once. */
export async function isPassword(password: string, kept: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, kept), kept.hash);
}

/** A hash that no password has: checking against it takes as long as against one that some have. */
export function impossibleHash(like: PasswordHash | undefined): PasswordHash {
  const { N, r, p } = like ?? COST;
  return { N, r, p, salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) };
}

function derive(password: string, { N, r, p, salt }: Omit<PasswordHash, 'hash'>): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, { N, r, p, maxmem: 2 * MEMORY }, (error, hash) => {
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}
