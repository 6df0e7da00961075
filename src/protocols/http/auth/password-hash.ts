import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto';

/** A stored password: its scrypt hash and the parameters of the hash. */
export interface PasswordHash {
  /** Cost, a power of two. A check takes 128 · N · r bytes of memory. */
  readonly N: number;
  readonly r: number;
  readonly p: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
}

/**
 * Parameters of new hashes: 4 MiB, about 10 ms on a server and 200 ms on the processor of a small board. The common
 * 16 MiB would exceed the memory limit of the service, 8 MiB above idle.
 */
const DEFAULT_COST = { N: 4096, r: 8, p: 1 };

/** Bytes of memory that one check may take, whatever the credentials file says. */
const MAX_CHECK_BYTES = 8 * 1024 * 1024;

/** With a larger `p`, a request would occupy a small board for seconds. */
const MAX_PARALLELIZATION = 16;

const MIN_N = 1024;
const HASH_BYTES = 32;
const SALT_BYTES = 16;

const FORMAT = /^scrypt\$(\d{1,7})\$(\d{1,3})\$(\d{1,3})\$([\w-]{22,86})\$([\w-]{43})$/;

/** Longer passwords are refused without a check. */
export const MAX_PASSWORD_CHARACTERS = 1024;

/** @returns null if the text is not a hash, or if its cost is not accepted */
export function parsePasswordHash(text: string): PasswordHash | null {
  const [, n, r, p, salt, hash] = FORMAT.exec(text) ?? [];
  if (salt === undefined || hash === undefined) return null;
  const cost = { N: Number(n), r: Number(r), p: Number(p) };
  const isPower = cost.N >= MIN_N && (cost.N & (cost.N - 1)) === 0;
  if (!isPower || cost.r < 1 || cost.p < 1 || cost.p > MAX_PARALLELIZATION) return null;
  if (128 * cost.N * cost.r > MAX_CHECK_BYTES) return null;
  return { ...cost, salt: Buffer.from(salt, 'base64url'), hash: Buffer.from(hash, 'base64url') };
}

/** `scrypt$N$r$p$SALT$HASH`, salt and hash in base64url. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES);
  const hash = await derive(password, { ...DEFAULT_COST, salt });
  const { N, r, p } = DEFAULT_COST;
  return ['scrypt', N, r, p, salt.toString('base64url'), hash.toString('base64url')].join('$');
}

/** Whether `password` is the one that was hashed. Takes memory and time: never run two at once. */
export async function isPassword(password: string, stored: PasswordHash): Promise<boolean> {
  return timingSafeEqual(await derive(password, stored), stored.hash);
}

/** A hash that no password has. A check against it takes as long as one against a real hash. */
export function impossibleHash(like: PasswordHash | undefined): PasswordHash {
  const { N, r, p } = like ?? DEFAULT_COST;
  return { N, r, p, salt: randomBytes(SALT_BYTES), hash: randomBytes(HASH_BYTES) };
}

function derive(password: string, { N, r, p, salt }: Omit<PasswordHash, 'hash'>): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    scrypt(password, salt, HASH_BYTES, { N, r, p, maxmem: 2 * MAX_CHECK_BYTES }, (error, hash) => {
      if (error === null) resolve(hash);
      else reject(error);
    });
  });
}
