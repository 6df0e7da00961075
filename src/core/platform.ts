/**
 * What the portable core (bundle/, trust/, update/) needs from the machine under it. It is handed in as one
 * small object, so that the same core runs under Node and in a 2 MB JavaScript engine.
 *
 * @packageDocumentation
 */

/** The hashes that sluice accepts; SHA-256 names blocks, the others appear in signatures only. */
export type HashName = 'sha256' | 'sha384' | 'sha512';

/** An incremental hash. `digest` may be called once, and ends it. */
export interface Hasher {
  update(bytes: Uint8Array): void;
  digest(): Uint8Array;
}

/** How a signature is made over a digest; which ones fit is decided by the kind of the key. */
export type SignatureScheme = 'rsa-pkcs1' | 'rsa-pss' | 'ecdsa' | 'ed25519';

/** One signature check. */
export interface SignatureCheck {
  readonly scheme: SignatureScheme;
  /** The hash that made `digest`. */
  readonly hash: HashName;
  /**
   * For the RSA schemes and ECDSA the digest of the signed bytes. For Ed25519 the signed message itself:
   * the bytes (pure Ed25519) or a digest of them (prehash by convention, docs/formats.md).
   */
  readonly digest: Uint8Array;
  /** Raw bytes as `openssl dgst -sign` makes them; DER for ECDSA. */
  readonly signature: Uint8Array;
}

/** A public key that the platform has parsed. */
export interface PublicKey {
  readonly kind: 'rsa' | 'ec' | 'ed25519';
  /** Modulus bits, or field bits. */
  readonly bits: number;
  /** True when the signature is right; false in every other case, malformed signatures included. */
  verify(check: SignatureCheck): Promise<boolean>;
}

/** Decompresses what is written to it and passes it on; both methods resolve when the bytes are taken. */
export interface ByteSink {
  write(bytes: Uint8Array): Promise<void>;
  end(): Promise<void>;
}

/** The platform object. */
export interface Platform {
  /** A new incremental hash. */
  hasher(name: HashName): Hasher;
  /**
   * SHA-256 of one block. It may be computed beside the caller (another thread), so the bytes must stay as
   * they are until it settles.
   */
  digest(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>;
  /** Whether two byte strings are equal, as fast as the platform can tell; not for secrets. */
  equal(a: Uint8Array, b: Uint8Array): boolean;
  /**
   * A fast fingerprint of a block, kept to see before commit that nothing has changed in flash since the
   * block was read back. It guards against accidents, never against forgery.
   */
  fingerprint(bytes: Uint8Array): bigint;
  /**
   * Parses a PEM SubjectPublicKeyInfo.
   * @throws SluiceError ERR_TRUST_KEY when it cannot be parsed or is of an unknown kind
   */
  publicKey(pem: Uint8Array): Promise<PublicKey>;
  /** Milliseconds of a clock that never goes back. */
  now(): number;
  /** Peak resident set of this process in bytes; 0 where it cannot be known. */
  peakRss(): number;
  /**
   * A gzip decompressor in front of `sink`, where the platform has one.
   * Errors in the stream reject with ERR_SOURCE_GZIP.
   */
  gunzip?(sink: ByteSink): Promise<ByteSink>;
}

/** What is needed of an AbortSignal; Node's and the browser's fit. */
export interface Abort {
  readonly aborted: boolean;
}
