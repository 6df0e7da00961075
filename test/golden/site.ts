/** A temporary folder with keys, sources as files, and chips. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { sha256 } from '../kit/bundle-maker.js';
import { CHIPS, LAYOUT, range, type ChipName } from './chips.js';
import type { Json } from './compare.js';
import { call } from './program.js';
import { SOURCES, writeKeys, type SourceName } from './sources.js';

export interface Source {
  readonly bytes: Uint8Array;
  readonly path: string;
  /** SHA-256 before compression, because compressed bytes differ between versions of zlib. */
  readonly sha256: string;
}

/** The chip of one scenario. */
export interface Chip {
  /** For --flash. */
  readonly address: string;
  readonly path: string;
  readonly simulated: boolean;
}

/** See the file comment. */
export class Site {
  readonly keys: string;
  readonly #dir = mkdtempSync(join(tmpdir(), 'sluice-golden-'));
  readonly #sources = new Map<SourceName, Source>();
  readonly #created = new Map<string, Promise<string>>();
  readonly #server: Server;

  /** @param program - path of the program */
  constructor(readonly program: string) {
    this.keys = join(this.#dir, 'keys');
    writeKeys(this.keys);
    writeFileSync(join(this.#dir, 'layout.json'), JSON.stringify(LAYOUT));
    this.#server = createServer(({ url = '' }, response) => {
      response.end(this.source(url.slice(1) as SourceName).bytes);
    });
  }

  /** Ends the server and removes the folder. */
  close(): void {
    this.#server.close();
    rmSync(this.#dir, { recursive: true, force: true });
  }

  /** A new folder for one scenario. */
  folder(name: string): string {
    const dir = join(this.#dir, name);
    mkdirSync(dir);
    return dir;
  }

  source(name: SourceName): Source {
    const known = this.#sources.get(name);
    if (known !== undefined) return known;
    const packed = name.endsWith('.gz');
    const plain = SOURCES[name.replace(/\.gz$/, '') as keyof typeof SOURCES]();
    const bytes = packed ? gzipSync(plain) : plain;
    const path = join(this.#dir, `source.${name}`);
    writeFileSync(path, bytes);
    const made = { bytes, path, sha256: sha256(plain).toString('hex') };
    this.#sources.set(name, made);
    return made;
  }

  /** A URL of the source. */
  async url(name: SourceName): Promise<string> {
    this.source(name);
    if (!this.#server.listening) {
      this.#server.listen(0, '127.0.0.1');
      await once(this.#server, 'listening');
    }
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${name}`;
  }

  /** Makes the chip of a scenario in its folder. */
  async chip(name: ChipName, dir: string): Promise<Chip> {
    const { create, content } = CHIPS[name];
    const path = join(dir, 'chip.bin');
    if (create !== null) {
      const made = await this.#create(create);
      copyFileSync(made, path);
      copyFileSync(`${made}.json`, `${path}.json`);
    }
    if (content !== null) writeFileSync(path, content);
    return create === null
      ? { address: `block:rofs=${path}`, path, simulated: false }
      : { address: `sim:${path}`, path, simulated: true };
  }

  /** A chip as `sim create` makes it, to be copied. */
  #create(args: readonly string[]): Promise<string> {
    const key = args.join(' ');
    const known = this.#created.get(key);
    if (known !== undefined) return known;
    const folder = join(this.#dir, `created-${this.#created.size}`);
    mkdirSync(folder);
    const path = join(folder, 'chip.bin');
    const words = ['sim', 'create', path, '--layout', join(this.#dir, 'layout.json'), ...args];
    const made = call(this.program, words, this.#dir).then(({ exit, stderr }) => {
      if (exit !== 0) throw new Error(stderr);
      return path;
    });
    this.#created.set(key, made);
    return made;
  }
}

/** The chip now: digests of the chip and its partitions, bad blocks, faults left, wear, operations, journal. */
export function stateOf({ path, simulated }: Chip): Json {
  const bytes = readFileSync(path);
  const digest = (part: Uint8Array): string => sha256(part).toString('hex');
  if (!simulated) return { sha256: digest(bytes) };
  const partitions = LAYOUT.partitions.slice(1).map(({ name }) => {
    const { offset, size } = range(name);
    return [name, digest(bytes.subarray(offset, offset + size))];
  });
  const description = JSON.parse(readFileSync(`${path}.json`, 'utf8')) as Record<string, Json>;
  const { bad, faults, wear, totals } = description;
  return {
    sha256: digest(bytes),
    partitions: Object.fromEntries(partitions) as Json,
    bad,
    faults,
    wear,
    totals,
    journal: existsSync(`${path}.journal`),
  };
}
