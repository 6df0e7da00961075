/**
 * The port of files and folders: what the core needs of a machine's file systems for keys, the journal, the audit
 * log and the check for other users of flash.
 *
 * An implementation
 * - must throw, or reject with, an Error whose `code` is the name of errno (`ENOENT`, `EACCES`, ...);
 * - must take absolute and relative paths, with slashes;
 * - must return small answers at once: what reads is synchronous, as files of /proc, /sys and /etc are never waited
 *   for. What waits for a disk is asynchronous, but for what appends a line to a log: a session is over by then.
 *
 * test/conformance runs one suite on every implementation.
 *
 * @packageDocumentation
 */

/** An entry of a folder; a link is `other`, wherever it leads. */
export interface FolderEntry {
  readonly name: string;
  readonly kind: 'file' | 'folder' | 'other';
}

/** What a path leads to. */
export interface FileStat {
  readonly kind: 'file' | 'folder' | 'block' | 'char' | 'other';
  /** `major:minor` of a block or character device; else `device:inode`, which no other file has. */
  readonly id: string;
}

/** The lock of a file; `release` is idempotent. */
export interface FileLock {
  release(): void;
}

/** Files and folders of a machine. */
export interface SystemFiles {
  /** What is in a folder, in no order. */
  list(folder: string): readonly FolderEntry[];

  /** All of a text file of the kernel, as UTF-8. Follows links. */
  text(path: string): string;

  /**
   * The bytes of a regular file of at most `most` bytes. Follows no link at the end of the path and never waits, as
   * for the other end of a FIFO.
   * @returns why not, if it is not a regular file or larger
   */
  readSmall(path: string, most: number): Uint8Array | 'irregular' | 'large';

  /** What is at a path. Follows links. */
  stat(path: string): FileStat;

  /** The text of a symbolic link. */
  link(path: string): string;

  /** The absolute path without links in it. */
  realPath(path: string): string;

  /**
   * Bytes that this process may still write into a folder.
   * @throws EACCES, EROFS if it must not write there
   */
  freeBytes(folder: string): Promise<number>;

  /**
   * Gives a file new content in one step and makes it durable: after a power cut there is the old content or the new
   * one. Readable by its owner only. Nothing else is left behind if it fails.
   */
  replace(path: string, bytes: Uint8Array): Promise<void>;

  /** Removes a file, durably; one that is not there is removed already. */
  remove(path: string): Promise<void>;

  /**
   * Appends bytes to a regular file and makes them and a file that was missing durable. A new file is readable by its
   * owner only. Follows no link at the end of the path. If that fails, what was appended is taken back as far as the
   * file system allows: part of the bytes may stay in a file that can only be appended to.
   */
  append(path: string, bytes: Uint8Array): void;

  /** Gives a file another name in the same folder, durably. */
  rename(path: string, to: string): void;

  /** Removes a file that nothing needs. After a power cut the file may be there again. */
  discard(path: string): void;

  /**
   * Takes the exclusive lock of a file for this process. The lock of a process that is gone is taken over.
   * @param patience - milliseconds to wait for another process
   * @throws SluiceError ERR_BUSY_FLASH if another process still has the lock
   */
  lock(path: string, patience: number): FileLock;
}

/** A device or regular file that a path leads to. */
export interface DeviceNode {
  readonly kind: 'block' | 'char' | 'file';
  readonly id: string;
}

/** The device or regular file at a path; null if there is neither, or it cannot be known. */
export function deviceAt(files: SystemFiles, path: string): DeviceNode | null {
  let stat: FileStat;
  try {
    stat = files.stat(path);
  } catch {
    return null;
  }
  const { kind, id } = stat;
  return kind === 'folder' || kind === 'other' ? null : { kind, id };
}
