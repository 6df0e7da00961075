/** The chips of the tests, as the host makes images for them and the guest cuts them. */

export interface Part {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
}

export const BLOCK = 65_536;

/** Sizes in blocks of 64 KiB, in the order of quanta-q71l. */
function cut(sizes: Readonly<Record<string, number>>): readonly Part[] {
  let offset = 0;
  const parts: Part[] = [];
  for (const [name, blocks] of Object.entries(sizes)) {
    parts.push({ name, offset, size: blocks * BLOCK });
    offset += blocks * BLOCK;
  }
  return [{ name: 'bmc', offset: 0, size: offset }, ...parts];
}

/** quanta-q71l, 32 MiB. */
export const LARGE = cut({ 'u-boot': 6, 'u-boot-env': 2, kernel: 68, rofs: 372, rwfs: 64 });
/** The same in 8 MiB, for most tests. */
export const SMALL = cut({ 'u-boot': 6, 'u-boot-env': 2, kernel: 16, rofs: 88, rwfs: 16 });

export function part(parts: readonly Part[], name: string): Part {
  const found = parts.find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`the layout has no ${name}`);
  return found;
}

/** One block in 20 is another one: the 5 % of the tests. */
export const CHANGED_EVERY = 20;

export const MACHINE = 'quanta-q71l';
