/**
 * The Platform object under Node.
 *
 * @packageDocumentation
 */
import { createHash, webcrypto } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { performance } from 'node:perf_hooks';
import type { Platform } from '../platform.js';
import { loadFingerprint } from './fingerprint.js';
import { parsePublicKey } from './node-public-key.js';

/** Below this a trip to the thread pool takes longer than the hash. */
const POOL_FROM = 16 * 1024;

const digestHere = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

const digestInPool = async (bytes: Uint8Array): Promise<Uint8Array> =>
  new Uint8Array(await webcrypto.subtle.digest('SHA-256', bytes));

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
  const pooled = availableParallelism() > 1;
  return {
    hasher(name) {
      const hash = createHash(name);
      return {
        update: (bytes) => void hash.update(bytes),
        digest: () => hash.digest(),
      };
    },
    digest: (bytes) => (pooled && bytes.length >= POOL_FROM ? digestInPool(bytes) : digestHere(bytes)),
    equal: (a, b) => a.length === b.length && Buffer.compare(a, b) === 0,
    fingerprint,
    publicKey: async (pem) => parsePublicKey(pem),
    now: () => performance.now(),
    peakRss,
    gunzip: async (sink) => new (await import('./gunzip.js')).Gunzip(sink),
  };
}
