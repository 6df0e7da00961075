/**
 * Checks both encodings of an RSA signature (RFC 8017) over a digest: `verify` of Node needs the whole message, which a
 * stream does not keep.
 *
 * @packageDocumentation
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import type { HashName } from '../../../core/platform.js';

/** DER of DigestInfo up to the digest (RFC 8017, section 9.2, note 1). */
const DIGEST_INFO: Readonly<Record<HashName, Buffer>> = {
  sha256: Buffer.from('3031300d060960864801650304020105000420', 'hex'),
  sha384: Buffer.from('3041300d060960864801650304020205000430', 'hex'),
  sha512: Buffer.from('3051300d060960864801650304020305000440', 'hex'),
};

/** Bytes of a digest. */
export const DIGEST_LENGTH: Readonly<Record<HashName, number>> = { sha256: 32, sha384: 48, sha512: 64 };

/** RFC 8017 9.2: at least eight bytes of 0xff. */
const MIN_FILLER_BYTES = 8;

/**
 * Whether `encoded` (signature to the power of e) is EMSA-PKCS1-v1_5 of `digest`. Makes the expected message and
 * compares it as a whole (RFC 8017, 8.2.2), so that no lax parser can accept a forgery.
 */
export function isPkcs1(encoded: Uint8Array, hash: HashName, digest: Uint8Array): boolean {
  const info = DIGEST_INFO[hash];
  const filler = encoded.length - 3 - info.length - digest.length;
  if (digest.length !== DIGEST_LENGTH[hash] || filler < MIN_FILLER_BYTES) return false;
  const expected = Buffer.alloc(encoded.length, 0xff);
  expected[0] = 0;
  expected[1] = 1;
  expected[2 + filler] = 0;
  expected.set(info, 3 + filler);
  expected.set(digest, 3 + filler + info.length);
  return timingSafeEqual(expected, encoded);
}

/** MGF1 (RFC 8017, B.2.1). */
function mask(hash: HashName, seed: Uint8Array, length: number): Uint8Array {
  const out = new Uint8Array(length);
  const counter = Buffer.alloc(4);
  const step = DIGEST_LENGTH[hash];
  for (let at = 0, count = 0; at < length; at += step, count++) {
    counter.writeUInt32BE(count);
    const part = createHash(hash).update(seed).update(counter).digest();
    out.set(part.subarray(0, Math.min(step, length - at)), at);
  }
  return out;
}

/**
 * Whether `encoded` is EMSA-PSS of `digest` (RFC 8017, 9.1.2), with MGF1 over the same hash. Accepts any salt length, as
 * `openssl -pkeyopt rsa_pss_saltlen:auto` does: signers differ, and the signature covers the salt.
 *
 * @param encoded - signature to the power of e, as long as the modulus
 * @param bits - bits of the modulus
 */
export function isPss(encoded: Uint8Array, bits: number, hash: HashName, digest: Uint8Array): boolean {
  const hashLength = DIGEST_LENGTH[hash];
  const length = Math.ceil((bits - 1) / 8);
  // A modulus of 8n+1 bits makes the encoded message one byte shorter than the signature.
  const surplus = encoded.length - length;
  if (encoded.length !== Math.ceil(bits / 8) || (surplus === 1 && encoded[0] !== 0)) return false;
  const message = encoded.subarray(surplus);
  if (digest.length !== hashLength || length < hashLength + 2 || message[length - 1] !== 0xbc) return false;

  const block = message.slice(0, length - hashLength - 1);
  const salted = message.subarray(length - hashLength - 1, length - 1);
  const unused = 8 * length - (bits - 1);
  if (((block[0] as number) & ~(0xff >> unused) & 0xff) !== 0) return false;
  const masked = mask(hash, salted, block.length);
  for (let i = 0; i < block.length; i++) block[i] = (block[i] as number) ^ (masked[i] as number);
  block[0] = (block[0] as number) & (0xff >> unused);

  let one = 0;
  while (one < block.length && block[one] === 0) one++;
  if (block[one] !== 1) return false;
  const expected = createHash(hash)
    .update(new Uint8Array(8))
    .update(digest)
    .update(block.subarray(one + 1))
    .digest();
  return timingSafeEqual(expected, salted);
}
