import { setTimeout } from 'node:timers/promises';
import { KIB, MIB } from './figures.js';

/** Bytes at a time: small enough that a slow link is even, large enough that a fast one is not held up. */
const PIECE = 64 * KIB;

/** Hands bytes on, at `link` MiB/s at most; null for as fast as they are taken. */
export async function sendAll(
  chunks: Iterable<Uint8Array>,
  link: number | null,
  take: (bytes: Uint8Array) => Promise<unknown>,
): Promise<void> {
  const began = performance.now();
  let sent = 0;
  for (const chunk of chunks) {
    if (link === null) {
      await take(chunk);
      continue;
    }
    for (let at = 0; at < chunk.length; at += PIECE) {
      const piece = chunk.subarray(at, at + PIECE);
      sent += piece.length;
      const wait = (sent / MIB / link) * 1000 - (performance.now() - began);
      if (wait > 1) await setTimeout(wait);
      await take(piece);
    }
  }
}
