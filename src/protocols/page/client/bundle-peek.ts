/** What the head of a bundle shows before it is sent. The service reads it again, and trusts none of this. */
export interface Peek {
  /** Partitions that it has images for; null when that cannot be seen (a compressed bundle). */
  readonly partitions: ReadonlySet<string> | null;
  /** Whether each block can be proven as it comes. */
  readonly indexed: boolean;
  readonly version: string | null;
  readonly machine: string | null;
}

/** The images of a whole system: with all of them the bundle vouches for itself, whatever was asked for. */
const SYSTEM = ['u-boot', 'kernel', 'rofs', 'rwfs'];

/** Whether a bundle says by itself which images belong to it; with any other the choice must be named. */
export const isWhole = ({ partitions, indexed }: Peek): boolean =>
  indexed || partitions === null || SYSTEM.every((name) => partitions.has(name));

const BLOCK = 512;

/** More members than a bundle has. */
const MAX_MEMBERS = 64;

const NOTHING: Peek = { partitions: null, indexed: false, version: null, machine: null };

/** Reads the headers of a tarball; its images are skipped. */
export async function peek(file: Blob): Promise<Peek> {
  const partitions = new Set<string>();
  let indexed = false;
  let manifest = '';
  for (let offset = 0, members = 0; members < MAX_MEMBERS && offset + BLOCK <= file.size; members++) {
    const header = await textOf(file, offset, BLOCK);
    const name = field(header, 0, 100).replace(/^\.\//, '');
    if (name === '') break;
    if (header.slice(257, 262) !== 'ustar') return NOTHING;
    const size = parseInt(field(header, 124, 12), 8);
    if (!Number.isSafeInteger(size)) return NOTHING;
    const image = /^image-([a-z0-9_-]+)$/.exec(name)?.[1];
    if (image !== undefined) partitions.add(image);
    if (name === 'BLOCKS') indexed = partitions.size === 0;
    if (name === 'MANIFEST') manifest = await textOf(file, offset + BLOCK, Math.min(size, 4096));
    offset += BLOCK + Math.ceil(size / BLOCK) * BLOCK;
  }
  const line = (key: string): string | null =>
    new RegExp(`^${key}=(.+)$`, 'm').exec(manifest)?.[1]?.trim() ?? null;
  return { partitions, indexed, version: line('version'), machine: line('MachineName') };
}

const field = (header: string, from: number, length: number): string =>
  (header.slice(from, from + length).split('\0')[0] ?? '').trim();

async function textOf(file: Blob, offset: number, length: number): Promise<string> {
  return new TextDecoder('latin1').decode(await file.slice(offset, offset + length).arrayBuffer());
}
