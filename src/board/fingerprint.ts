/**
 * The fast fingerprint of a block (Platform.fingerprint).
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto';

/** xxhash-wasm copies its input into a memory that grows to the largest input and never shrinks. */
const SLICE = 64 * 1024;

const byDigest = (bytes: Uint8Array): bigint =>
  createHash('sha256').update(bytes).digest().readBigUInt64BE(0);

/**
 * XXH64 where there is WebAssembly; each slice is seeded with the hash of those before it. Without it (`node
 * --jitless`, systemd's MemoryDenyWriteExecute) the first 8 bytes of SHA-256. The two never meet: a
 * fingerprint does not outlive its process.
 */
export async function loadFingerprint(): Promise<(bytes: Uint8Array) => bigint> {
  if (!('WebAssembly' in globalThis)) return byDigest;
  try {
    const { h64Raw } = await (await import('xxhash-wasm')).default();
    return (bytes) => {
      let hash = h64Raw(bytes.subarray(0, SLICE));
      for (let at = SLICE; at < bytes.length; at += SLICE)
        hash = h64Raw(bytes.subarray(at, at + SLICE), hash);
      return hash;
    };
  } catch {
    return byDigest;
  }
}
