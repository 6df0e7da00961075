import { noise } from '../../kit/noise.js';

/** Images by recipe: one letter says how each erase block stands to what is in flash. */

/**
 * What a letter stands for:
 * - `n` new content
 * - `k` kept: right already
 * - `f` all 0xFF
 * - `c` cleared bits only: NOR programs it without an erase
 * - `g` new content with gaps: pages of 0xFF between others
 * - `t` new content that ends in the middle of the block; only as the last letter
 */
export type Recipe = string;

/** @param old - what the partition holds; its first blocks are those of the image */
export function imageBy(recipe: Recipe, old: Uint8Array, eraseSize: number, seed: number): Uint8Array {
  const letters = [...recipe];
  const last = letters.at(-1) === 't' ? Math.floor(eraseSize / 2) + 3 : eraseSize;
  const image = new Uint8Array((letters.length - 1) * eraseSize + last);
  letters.forEach((letter, index) => {
    const at = index * eraseSize;
    const block = image.subarray(at, Math.min(at + eraseSize, image.length));
    block.set(blockBy(letter, old.subarray(at, at + block.length), seed * 1000 + index));
  });
  return image;
}

function blockBy(letter: string, old: Uint8Array, seed: number): Uint8Array {
  const fresh = noise(old.length, seed);
  if (letter === 'k') return old;
  if (letter === 'f') return fresh.fill(0xff);
  if (letter === 'c') return fresh.map((byte, i) => byte & (old[i] as number));
  if (letter === 'g') {
    const gap = Math.max(512, old.length / 8);
    return fresh.map((byte, i) => (Math.floor(i / gap) % 2 === 1 ? 0xff : byte));
  }
  if (letter === 'n' || letter === 't') return fresh;
  throw new Error(`a recipe has no ${letter}`);
}
