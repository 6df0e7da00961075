/** Facts from the headers of a bundle, read before it is sent. Only for display: the service verifies the bundle. */
export interface Peek {
  /** Partitions that the bundle has images for; null if unknown (a compressed bundle). */
  readonly partitions: ReadonlySet<string> | null;
  /** Whether it has a block index, so that each block can be verified before it is written. */
  readonly indexed: boolean;
  readonly version: string | null;
  readonly machine: string | null;
}

/** The images of a complete system. A bundle with all of them is complete without a list of partitions. */
const SYSTEM = ['u-boot', 'kernel', 'rofs', 'rwfs'];

/** Whether the bundle itself shows which images belong to it. With any other, the request must list the partitions. */
export const isWhole = ({ partitions, indexed }: Peek): boolean =>
  indexed || partitions === null || SYSTEM.every((name) => partitions.has(name));

const BLOCK = 512;

/** More than the members of a bundle. */
const MAX_MEMBERS = 64;

const UNKNOWN_BUNDLE: Peek = { partitions: null, indexed: false, version: null, machine: null };

/** Reads the headers of a tarball; its images are skipped. */
export async function peek(file: Blob): Promise<Peek> {
  const partitions = new Set<string>();
  let indexed = false;
  let manifest = '';
  for (let offset = 0, members = 0; members < MAX_MEMBERS && offset + BLOCK <= file.size; members++) {
    const header = await textOf(file, offset, BLOCK);
    const name = field(header, 0, 100).replace(/^\.\//, '');
    if (name === '') break;
    if (header.slice(257, 262) !== 'ustar') return UNKNOWN_BUNDLE;
    const size = parseInt(field(header, 124, 12), 8);
    if (!Number.isSafeInteger(size)) return UNKNOWN_BUNDLE;
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
