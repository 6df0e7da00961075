/**
 * The Platform object on Node.
 *
 * @packageDocumentation
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Platform } from '../../core/platform.js';
import { debugChannel } from './debug.js';
import { loadFingerprint } from './crypto/fingerprint.js';
import { parsePublicKey } from './crypto/public-key.js';
import { sha256 } from './crypto/sha256.js';

/**
 * Peak resident set in bytes. VmHWM is preferred: ru_maxrss includes the resident set of the parent at the fork
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

/** Makes the Platform object of this process, for all sessions. */
export async function nodePlatform(): Promise<Platform> {
  const fingerprint = await loadFingerprint();
  const debug = await debugChannel();
  return {
    hasher(name) {
      const hasher = createHash(name);
      return {
        update: (bytes) => void hasher.update(bytes),
        digest: () => hasher.digest(),
      };
    },
    digest: sha256,
    equal: (a, b) => a.length === b.length && Buffer.compare(a, b) === 0,
    fingerprint,
    publicKey: async (pem) => parsePublicKey(pem),
    // The clock of performance.now(), without loading its module.
    now: () => process.uptime() * 1000,
    peakRss,
    ...(debug === undefined ? {} : { debug }),
    gunzip: async (sink) => new (await import('./gunzip/gunzip.js')).Gunzip(sink),
  };
}
