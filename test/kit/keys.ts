/** Key pairs and key stores of the tests. */
import { execFileSync } from 'node:child_process';
import { createHash, generateKeyPairSync, sign, type KeyObject } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export const openssl = (...args: string[]): Buffer =>
  execFileSync('openssl', args, { stdio: ['ignore', 'pipe', 'pipe'] });

export interface KeyFiles {
  /** PEM of the private key. */
  readonly path: string;
  /** PEM of the public key (SubjectPublicKeyInfo). */
  readonly publicPath: string;
  /** The bytes of `publicPath`. */
  readonly pem: Buffer;
}

/** Arguments of `openssl genpkey` by kind of key. */
export const KEY_KINDS = {
  'rsa-2048': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:2048'],
  'rsa-3072': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:3072'],
  'rsa-1024': ['-algorithm', 'RSA', '-pkeyopt', 'rsa_keygen_bits:1024'],
  'p-256': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-256'],
  'p-384': ['-algorithm', 'EC', '-pkeyopt', 'ec_paramgen_curve:P-384'],
  ed25519: ['-algorithm', 'ED25519'],
} as const;
export type KeyKind = keyof typeof KEY_KINDS;

/** A fresh key pair in `dir`, of a kind or by the arguments of `openssl genpkey`. */
export function makeKey(dir: string, name: string, kind: KeyKind | readonly string[] = 'rsa-2048'): KeyFiles {
  const path = join(dir, `${name}.pem`);
  const publicPath = join(dir, `${name}.pub.pem`);
  openssl('genpkey', ...(typeof kind === 'string' ? KEY_KINDS[kind] : kind), '-out', path);
  const pem = openssl('pkey', '-in', path, '-pubout');
  writeFileSync(publicPath, pem);
  return { path, publicPath, pem };
}

/** A key pair that signs bundles; what it has signed once it need not sign again. */
export class Signer {
  readonly #signatures = new Map<string, Uint8Array>();

  constructor(
    readonly hashType: string,
    readonly pem: Uint8Array,
    readonly privateKey: KeyObject,
  ) {}

  sign(bytes: Uint8Array): Uint8Array {
    const id = createHash('sha256').update(bytes).digest('hex');
    const signature = this.#signatures.get(id) ?? sign('sha256', bytes, this.privateKey);
    this.#signatures.set(id, signature);
    return signature;
  }
}

/** A fresh RSA-2048 pair, without openssl. */
export function makeSigner(): Signer {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return new Signer('RSA-SHA256', Buffer.from(publicKey.export({ type: 'spki', format: 'pem' })), privateKey);
}

/** The pair that signs bundles for which a test names no other: one for each process. */
export const rsaSigner = makeSigner();

/** A key directory as /etc/activationdata, with one key in it; `type` is the name of the key. */
export function writeKeyStore(
  dir: string,
  type = 'OpenBMC',
  { pem, hashType }: { readonly pem: Uint8Array; readonly hashType: string } = rsaSigner,
): string {
  mkdirSync(join(dir, type), { recursive: true });
  writeFileSync(join(dir, type, 'publickey'), pem);
  writeFileSync(join(dir, type, 'hashfunc'), `HashType=${hashType}\n`);
  return dir;
}
