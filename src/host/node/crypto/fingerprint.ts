/**
 * The fast fingerprint of a block (Platform.fingerprint).
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto';
import { zlibCrc32 } from './crc32.js';
import { isSmallProcess } from '../memory/small-process.js';

type Fingerprint = (bytes: Uint8Array) => bigint;

/** xxhash-wasm copies its input into memory that grows to the largest input and never shrinks. */
const MAX_SLICE_BYTES = 64 * 1024;

const byDigest: Fingerprint = (bytes) => createHash('sha256').update(bytes).digest().readBigUInt64BE(0);

/**
 * In a small process: CRC-32 of both halves of the block by zlib (Node 20.15 and later), as UBI and JFFS2 use it: 3.9
 * GB/s and no memory. The WebAssembly compiler of V8 alone takes 3.4 MiB.
 * Otherwise, with WebAssembly: XXH64, 5.9 GB/s; the hash of each slice seeds the next one.
 * Otherwise (`node --jitless`, MemoryDenyWriteExecute of systemd): the first 8 bytes of SHA-256.
 * Fingerprints that outlive the process record which kind they are (core/update/resume/fingerprint.ts).
 *
 * @param small - whether this process must stay small
 */
export async function loadFingerprint(small = isSmallProcess()): Promise<Fingerprint> {
  if (small && zlibCrc32 !== undefined) return byCrc(zlibCrc32);
  if (!('WebAssembly' in globalThis)) return byDigest;
  try {
    const { h64Raw } = await (await import('xxhash-wasm')).default();
    return (bytes) => {
      let hash = h64Raw(bytes.subarray(0, MAX_SLICE_BYTES));
      for (let at = MAX_SLICE_BYTES; at < bytes.length; at += MAX_SLICE_BYTES)
        hash = h64Raw(bytes.subarray(at, at + MAX_SLICE_BYTES), hash);
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
