/** Bundles for tests of the service, on the small chip of test/system/board.ts. */
import { writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { BLOCK, OLD, range, withImage } from '../system/board.js';
import {
  bundleBytes,
  generateBundle,
  imagePieces,
  type BundleSpec,
  type ImageSpec,
} from './generated-bundle.js';

/** Images for all partitions: whole blocks, a piece of one, and one byte more than a block. */
export const IMAGES: readonly ImageSpec[] = [
  { name: 'kernel', size: 5 * BLOCK + 1, seed: 1 },
  { name: 'rofs', size: 9 * BLOCK, seed: 2 },
  { name: 'rwfs', size: 70_000, seed: 3 },
  { name: 'u-boot', size: 4 * BLOCK - 3, seed: 4 },
];

export interface TestBundle {
  readonly bytes: Buffer;
  /** The chip after an update of all partitions, or of the named ones. */
  readonly after: (only?: readonly string[]) => Buffer;
  /** Writes it into a folder. */
  readonly file: (dir: string, name?: string) => string;
}

/** A bundle that boards of the kit trust; proven by default. */
export function testBundle(options: Partial<BundleSpec> = {}): TestBundle {
  const spec = { images: IMAGES, ...options };
  const bytes = bundleBytes(generateBundle(spec));
  return {
    bytes,
    after: (only) => {
      const written = spec.images.filter(({ name }) => only?.includes(name) ?? true);
      return written.reduce(
        (chip, image) =>
          withImage(chip, image.name, Buffer.concat(Array.from(imagePieces(image), (it) => Buffer.from(it)))),
        OLD,
      );
    },
    file: (dir, name = 'bundle.tar') => {
      const path = join(dir, name);
      writeFileSync(path, bytes);
      return path;
    },
  };
}

/**
 * The faults of a chip after an interrupted update: each block must have its old content, its new content, or be
 * erased; the first block of each partition must have its old content. Empty if there are none.
 */
export function faultsAfterCut(chip: Buffer, after: Buffer): string[] {
  const faults: string[] = [];
  for (const { name } of IMAGES) {
    const { offset, size } = range(name);
    for (let at = offset; at < offset + size; at += BLOCK) {
      const [now, old, wanted] = [chip, OLD, after].map((bytes) => bytes.subarray(at, at + BLOCK)) as [
        Buffer,
        Buffer,
        Buffer,
      ];
      if (now.equals(old)) continue;
      const block = (at - offset) / BLOCK;
      if (block === 0) faults.push(`${name}: the first block was changed`);
      else if (!now.equals(wanted) && now.some((byte) => byte !== 0xff)) {
        faults.push(`${name}: block ${block} is neither old, new nor erased`);
      }
    }
  }
  return faults;
}

/** The head of a request with a body. */
export function head(
  path: string,
  token: string,
  headers: Readonly<Record<string, string | number>>,
): string {
  const lines = Object.entries({ host: 'board', authorization: `Bearer ${token}`, ...headers });
  return `${path} HTTP/1.1\r\n${lines.map(([name, value]) => `${name}: ${value}\r\n`).join('')}\r\n`;
}

/** A raw TCP connection with an awaitable answer. */
export class RawClient {
  readonly socket: Socket;
  #text = '';

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('error', () => {});
    this.socket.on('data', (bytes: Buffer) => (this.#text += bytes.toString('latin1')));
  }

  get text(): string {
    return this.#text;
  }

  /** Resolves when the kernel has accepted the bytes. */
  send(bytes: Uint8Array | string): Promise<void> {
    return new Promise((resolve) => this.socket.write(bytes, () => resolve()));
  }

  /** Resolves with all received bytes when the service has closed the connection. */
  ended(): Promise<string> {
    return new Promise((resolve) => {
      if (this.socket.destroyed || this.socket.readableEnded) resolve(this.#text);
      else this.socket.once('end', () => resolve(this.#text)).once('close', () => resolve(this.#text));
    });
  }
}
