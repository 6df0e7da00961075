/**
 * What the portable core needs from its host, as one small object: the same core runs on Node and in a JavaScript engine
 * of 2 MB.
 *
 * @packageDocumentation
 */

/** The accepted hashes. SHA-256 identifies blocks; the others are only used by signatures. */
export type HashName = 'sha256' | 'sha384' | 'sha512';

/** An incremental hash. `digest` ends it and must be called once. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

/** How a digest is signed. */
export type SignatureScheme = 'rsa-pkcs1' | 'rsa-pss' | 'ecdsa' | 'ed25519';

/** One signature check. */
export interface SignatureCheck {
  readonly scheme: SignatureScheme;
  /** The hash that made `digest`. */
  readonly hash: HashName;
  /**
   * For RSA and ECDSA the digest of the signed bytes. For Ed25519 the signed message: the bytes (pure Ed25519) or a
   * digest of them (prehash by convention, docs/formats.md).
   */
  readonly digest: Uint8Array;
  /** As written by `openssl dgst -sign`: raw bytes, DER for ECDSA. */
  readonly signature: Uint8Array;
}

/** A public key that the platform has parsed. */
export interface PublicKey {
  readonly kind: 'rsa' | 'ec' | 'ed25519';
  /** Modulus bits, or field bits. */
  readonly bits: number;
  /** True if the signature is valid; false in every other case, including malformed signatures. */
  verify(check: SignatureCheck): Promise<boolean>;
}

/** What a debug message is about. */
export type DebugTopic = 'session' | 'write' | 'journal';

/** A sink of bytes. Both methods resolve when it can take more. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
}

export interface Platform {
  hasher(name: HashName): Hasher;
  /**
   * SHA-256 of one block. The bytes must not change until the promise settles, as another thread may compute it.
   */
  digest(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Whether two byte strings are equal, as fast as possible; not for secrets. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  /**
   * A fast fingerprint of a block, kept to detect changes of flash between the read back and the commit. It detects
   * accidents, not forgery.
   */
  fingerprint(bytes: Uint8Array): bigint;
  /**
   * Parses a PEM SubjectPublicKeyInfo.
   * @throws SluiceError ERR_TRUST_KEY if the key cannot be parsed or is of an unknown kind
   */
  publicKey(pem: Uint8Array): Promise<PublicKey>;
  /** Milliseconds of a monotonic clock. */
  now(): number;
  /** Peak resident set of this process in bytes; 0 if unknown. */
  peakRss(): number;
  /**
   * Reports what the core does, for somebody who asks a board in the field. Left out when nobody asks, so that a message
   * is not even made: call as `platform.debug?.(topic, ...)`. Must not throw.
   */
  debug?(topic: DebugTopic, message: string): void;
  /**
   * A gzip decompressor that writes to `sink`. Absent if the platform has none. Rejects with ERR_SOURCE_GZIP for errors
   * in the stream.
   */
  gunzip?(sink: ByteSink): Promise<ByteSink>;
}

/** The part of AbortSignal that is used. */
export interface Abort {
  readonly aborted: boolean;
}
