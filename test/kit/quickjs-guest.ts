/**
 * What runs inside QuickJS beside the core: a Platform on top of host functions, and the entry that the host
 * calls. Bundled by core-bundle.ts; nothing of Node or the web is here.
 */
import type * as Core from '../../src/core/index.js';
import type { HashName, Platform, PublicKey } from '../../src/core/index.js';
import { runUpdate, type UpdateCase } from './portable-update.js';

/** Functions of the host. Bytes cross as whole ArrayBuffers, all else as strings and numbers. */
export interface Host {
  hashCreate(name: HashName): number;
  hashUpdate(id: number, bytes: ArrayBuffer): void;
  hashDigest(id: number): ArrayBuffer;
  digest(name: HashName, bytes: ArrayBuffer): ArrayBuffer;
  /** JSON: `{ id, kind, bits }`, or `{ code, message }` where the key is refused. */
  publicKey(pem: ArrayBuffer): string;
  verify(
    id: number,
    scheme: string,
    hash: string,
    digest: ArrayBuffer,
    signature: ArrayBuffer,
  ): Promise<boolean>;
  now(): number;
  content(): ArrayBuffer;
  pem(): ArrayBuffer;
  rewind(): void;
  next(): Promise<ArrayBuffer | null>;
}

declare const sluice: typeof Core;
declare const host: Host;

/** The bytes of a view and no others, as an ArrayBuffer of their own. */
const own = (bytes: Uint8Array): ArrayBuffer => bytes.slice().buffer;

interface ParsedKey {
  readonly id: number;
  readonly kind: PublicKey['kind'];
  readonly bits: number;
}

interface RefusedKey {
  readonly code: Core.ErrorCode;
  readonly message: string;
}

const digest = (bytes: Uint8Array): Uint8Array => new Uint8Array(host.digest('sha256', own(bytes)));

const platform: Platform = {
  hasher(name) {
    const id = host.hashCreate(name);
    return {
      update: (bytes) => host.hashUpdate(id, own(bytes)),
      digest: () => new Uint8Array(host.hashDigest(id)),
    };
  },
  digest,
  equal: (a, b) => a.length === b.length && a.every((byte, index) => byte === b[index]),
  fingerprint: (bytes) => new DataView(digest(bytes).buffer).getBigUint64(0),
  async publicKey(pem) {
    const key = JSON.parse(host.publicKey(own(pem))) as ParsedKey | RefusedKey;
    if ('code' in key) throw new sluice.SluiceError(key.code, key.message);
    const { id, kind, bits } = key;
    return {
      kind,
      bits,
      verify: (check) => host.verify(id, check.scheme, check.hash, own(check.digest), own(check.signature)),
    };
  },
  now: () => host.now(),
  peakRss: () => 0,
};

const entry = async (text: string): Promise<string> => {
  const result = await runUpdate(sluice, platform, JSON.parse(text) as UpdateCase, {
    content: () => new Uint8Array(host.content()),
    pem: () => new Uint8Array(host.pem()),
    rewind: () => host.rewind(),
    next: async () => {
      const bytes = await host.next();
      return bytes === null ? null : new Uint8Array(bytes);
    },
  });
  return JSON.stringify(result);
};

Object.assign(globalThis, { run: entry });
