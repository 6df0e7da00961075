import { createHash, timingSafeEqual } from 'node:crypto';

const digestOf = (text: string): Buffer => createHash('sha256').update(text).digest();

/**
 * Compares two secrets in a time that does not depend on where they differ. Both are hashed first, so that the time does
 * not depend on their lengths either.
 */
export const isSameSecret = (a: string, b: string): boolean => timingSafeEqual(digestOf(a), digestOf(b));
