import { hash } from 'node:crypto';

/**
 * SHA-256 in this thread and without a hash object. The asynchronous digest of Node (webcrypto, in the thread pool) first
 * copies its input, which takes as long as the hash of 64 KiB.
 */
export const sha256 = (bytes: Uint8Array): Uint8Array => hash('sha256', bytes, 'buffer');
