/**
 * The fast fingerprint of a block (Platform.fingerprint).
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto';
import { zlibCrc32 } from './crc32.js';
import { isSmallProcess } from '../memory/small-process.js';

type Fingerprint = (bytes: Uint8Array) => bigint;

/** xxhash-wasm copies its input into a memory that grows to the largest input and never shrinks. */
const SLICE = 64 * 1024;

const byDigest: Fingerprint = (bytes) => createHash('sha256').update(bytes).digest().readBigUInt64BE(0);

/**
 * Where memory counts, CRC-32 of either half of the block by zlib (node 20.15 and later), as UBI and JFFS2 trust it
 * for the same purpose: 3.9 GB/s here, and no memory. V8's compiler for WebAssembly alone takes 3.4 MiB.
 * Elsewhere XXH64, 5.9 GB/s, where there is WebAssembly; each slice is seeded with the hash of those before it.
 * Where there is neither (`node --jitless`, systemd's MemoryDenyWriteExecute) the first 8 bytes of SHA-256.
 * They never meet: what is kept longer than a process says how it was made (core/update/resume/fingerprint.ts).
 *
 * @param small - whether this process is to stay small
 */
export async function loadFingerprint(small = isSmallProcess()): Promise<Fingerprint> {
  if (small && zlibCrc32 !== undefined) return byCrc(zlibCrc32);
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

function byCrc(crc32: (bytes: Uint8Array) => number): Fingerprint {
  return (bytes) => {
    const half = bytes.length >>> 1;
    return (BigInt(crc32(bytes.subarray(0, half))) << 32n) | BigInt(crc32(bytes.subarray(half)));
  };
}
