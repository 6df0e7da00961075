import { SluiceError } from '../../src/core/errors.js';
import type { FileLock, FileStat, FolderEntry, SystemFiles } from '../../src/core/system-files.js';
import { systemError } from '../native/fake-binding.js';

/** What a path of it holds: a file, a link to elsewhere or a node. */
export type MemoryEntry = Uint8Array | { readonly link: string } | { readonly node: FileStat };

/** Files and folders in memory, with nothing of Node. A folder is there while something is in it, or it was made. */
export class MemoryFiles implements SystemFiles {
  readonly #entries = new Map<string, MemoryEntry>();
  readonly #folders = new Set(['/']);
  readonly #locked = new Set<string>();
  /** Bytes that are free. */
  free = 1024 * 1024;

  /** Puts something at a path; makes the folders above it. */
  put(path: string, entry: MemoryEntry): void {
    this.makeFolder(above(path));
    this.#entries.set(path, entry);
  }

  makeFolder(path: string): void {
    for (let at = path; at !== '/'; at = above(at)) this.#folders.add(at);
  }

  list(folder: string): readonly FolderEntry[] {
    const real = this.#resolve(folder, 'scandir');
    if (!this.#folders.has(real)) throw systemError('ENOTDIR', 'scandir');
    const inIt = (path: string): boolean => path !== '/' && above(path) === real;
    return [
      ...[...this.#folders].filter(inIt).map((path) => ({ name: last(path), kind: 'folder' as const })),
      ...[...this.#entries].flatMap(([path, entry]) =>
        inIt(path)
          ? [{ name: last(path), kind: entry instanceof Uint8Array ? ('file' as const) : ('other' as const) }]
          : [],
      ),
    ];
  }

  text(path: string): string {
    const bytes = this.#entries.get(this.#resolve(path, 'open'));
    if (!(bytes instanceof Uint8Array)) throw systemError('EISDIR', 'read');
    return new TextDecoder().decode(bytes);
  }

  readSmall(path: string, most: number): Uint8Array | 'irregular' | 'large' {
    const real = `${this.#resolve(above(path), 'open')}/${last(path)}`.replace('//', '/');
    const entry = this.#entries.get(real);
    if (entry === undefined && !this.#folders.has(real)) throw systemError('ENOENT', 'open');
    if (entry !== undefined && 'link' in entry) throw systemError('ELOOP', 'open');
    if (!(entry instanceof Uint8Array)) return 'irregular';
    return entry.length > most ? 'large' : entry.slice();
  }

  stat(path: string): FileStat {
    const real = this.#resolve(path, 'stat');
    const entry = this.#entries.get(real);
    if (entry !== undefined && 'node' in entry) return entry.node;
    return { kind: entry === undefined ? 'folder' : 'file', id: `1:${real}` };
  }

  link(path: string): string {
    const entry = this.#entries.get(path);
    if (entry === undefined) throw systemError(this.#folders.has(path) ? 'EINVAL' : 'ENOENT', 'readlink');
    if (!('link' in entry)) throw systemError('EINVAL', 'readlink');
    return entry.link;
  }

  realPath(path: string): string {
    return this.#resolve(path, 'realpath');
  }

  async freeBytes(folder: string): Promise<number> {
    this.list(folder);
    return this.free;
  }

  async replace(path: string, bytes: Uint8Array): Promise<void> {
    this.list(above(path));
    if (this.#folders.has(path)) throw systemError('EISDIR', 'rename');
    this.#entries.set(path, bytes.slice());
  }

  async remove(path: string): Promise<void> {
    this.list(above(path));
    if (this.#folders.has(path)) throw systemError('EISDIR', 'unlink');
    this.#entries.delete(path);
  }

  append(path: string, bytes: Uint8Array): void {
    this.list(above(path));
    const old = this.#entries.get(path) ?? new Uint8Array(0);
    if (this.#folders.has(path)) throw systemError('EISDIR', 'open');
    if (!(old instanceof Uint8Array)) throw systemError('ELOOP', 'open');
    if (bytes.length > this.free) throw systemError('ENOSPC', 'write');
    this.#entries.set(path, Uint8Array.from([...old, ...bytes]));
  }

  rename(path: string, to: string): void {
    const entry = this.#entries.get(path);
    if (entry === undefined) throw systemError('ENOENT', 'rename');
    this.#entries.delete(path);
    this.#entries.set(to, entry);
  }

  discard(path: string): void {
    this.#entries.delete(path);
  }

  lock(path: string): FileLock {
    this.list(above(path));
    if (this.#locked.has(path)) throw new SluiceError('ERR_BUSY_FLASH', `${path} is in use`);
    this.#locked.add(path);
    let held = true;
    return {
      release: () => {
        if (held) this.#locked.delete(path);
        held = false;
      },
    };
  }

  /** The path without links in it, of something that is there. */
  #resolve(path: string, syscall: string): string {
    let real = '/';
    for (const part of path.split('/').filter((each) => each !== '')) {
      if (this.#entries.has(real)) throw systemError('ENOTDIR', syscall);
      const next = real === '/' ? `/${part}` : `${real}/${part}`;
      const entry = this.#entries.get(next);
      if (entry === undefined && !this.#folders.has(next)) throw systemError('ENOENT', syscall);
      if (entry === undefined || !('link' in entry)) real = next;
      else real = this.#resolve(entry.link.startsWith('/') ? entry.link : `${real}/${entry.link}`, syscall);
    }
    return real;
  }
}

const above = (path: string): string => path.slice(0, Math.max(path.lastIndexOf('/'), 1));
const last = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
