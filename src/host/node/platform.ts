/**
 * The Platform object under Node.
 *
 * @packageDocumentation
 */
import { createHash, hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Platform } from '../../core/platform.js';
import { loadFingerprint } from './crypto/fingerprint.js';
import { parsePublicKey } from './crypto/public-key.js';

/**
 * In this thread, without a hash object to be collected. Node's asynchronous digest (webcrypto, in a thread of
 * the pool) copies its input into fresh memory first; measured here on 64 KiB that takes as long as the hash.
 */
const digest = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer');

/**
 * Peak resident set in bytes. VmHWM first: ru_maxrss also counts what the parent had resident when it forked
 * (getrusage(2) keeps it over exec).
 */
function peakRss(): number {
  try {
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'latin1'))?.[1];
    if (peak !== undefined) return Number(peak) * 1024;
  } catch {
    // no /proc here
  }
  return process.resourceUsage().maxRSS * 1024;
}

/** Makes the Platform object of this process; one is enough for all sessions. */
export async function nodePlatform(): Promise<Platform> {
  const fingerprint = await loadFingerprint();
  return {
    hasher(name) {
      const hasher = createHash(name);
      return {
        update: (bytes) => void hasher.update(bytes),
        digest: () => hasher.digest(),
      };
    },
    digest,
    equal: (a, b) => a.length === b.length && Buffer.compare(a, b) === 0,
    fingerprint,
    publicKey: async (pem) => parsePublicKey(pem),
    // The same clock as performance.now(), without the module that brings it.
    now: () => process.uptime() * 1000,
    peakRss,
    gunzip: async (sink) => new (await import('./gunzip/gunzip.js')).Gunzip(sink),
  };
}
