import { createHash, timingSafeEqual } from 'node:crypto';

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Whether two texts are the same, in a time that tells nothing of where they differ: for whatever lets its holder do
 * something. Both are hashed first, so that their lengths do not show either.
 */
export const isSameSecret = (a: string, b: string): boolean => timingSafeEqual(digestOf(a), digestOf(b));
