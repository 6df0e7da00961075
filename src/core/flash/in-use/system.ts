import { errnoOf } from '../../errors.js';
import { baseName, joinPath } from '../../paths.js';
import { deviceAt, type DeviceNode, type SystemFiles } from '../../system-files.js';

/** Where the kernel's file systems are; tests point elsewhere. */
export interface SystemRoots {
  readonly proc: string;
  readonly sys: string;
  readonly dev: string;
}

/** The machine whose /proc and /sys are read. */
export interface Machine {
  readonly files: SystemFiles;
  /** @default /proc, /sys and /dev */
  readonly roots?: Partial<SystemRoots> | undefined;
}

/** /proc or /sys cannot be read or understood, so a use of flash may be hidden. Never a reason to call it free. */
export class UnknownUseError extends Error {}

/** Reads /proc and /sys. What is not there is null; what is there and cannot be read is an UnknownUseError. */
export class ProcSys {
  readonly #files: SystemFiles;
  readonly #roots: SystemRoots;

  constructor({ files, roots }: Machine) {
    this.#files = files;
    this.#roots = { proc: '/proc', sys: '/sys', dev: '/dev', ...roots };
    // Without it everything in it would be missing, and so nothing in use.
    if (this.list('sys', 'class') === null) {
      throw new UnknownUseError(`${this.path('sys', 'class')} is not there`);
    }
  }

  /** Path of something under one of the roots. */
  path(root: 'proc' | 'sys', ...parts: readonly string[]): string {
    return joinPath(this.#roots[root], ...parts);
  }

  /** Content of a file, null when it is not there. */
  text(root: 'proc' | 'sys', ...parts: readonly string[]): string | null {
    return this.#ask(this.path(root, ...parts), (path) => this.#files.text(path));
  }

  /** Content of a sysfs attribute: one line. */
  attribute(...parts: readonly string[]): string | null {
    // Exactly one newline is sysfs's own; a file may be named with blanks at its end.
    return this.text('sys', ...parts)?.replace(/\n$/, '') ?? null;
  }

  /** Names in a folder, null when it is not there. */
  list(root: 'proc' | 'sys', ...parts: readonly string[]): string[] | null {
    return this.#ask(this.path(root, ...parts), (path) => this.#files.list(path).map(({ name }) => name));
  }

  /** Where a link leads, null when it is not there. */
  link(root: 'proc' | 'sys', ...parts: readonly string[]): string | null {
    return this.#ask(this.path(root, ...parts), (path) => this.#files.link(path));
  }

  /** Device and inode of a folder, null when they cannot be known. */
  folder(root: 'proc' | 'sys', ...parts: readonly string[]): string | null {
    try {
      return this.#files.stat(this.path(root, ...parts)).id;
    } catch {
      return null;
    }
  }

  /** The path of something under a root without links in it; null when it cannot be known. */
  realPath(root: 'proc' | 'sys', ...parts: readonly string[]): string | null {
    try {
      return this.#files.realPath(this.path(root, ...parts));
    } catch {
      return null;
    }
  }

  /** Number of this process, as this /proc has it: it may differ from the one that the process itself knows. */
  get ownPid(): string | null {
    const self = this.link('proc', 'self');
    return self === null ? null : baseName(self);
  }

  /** What something under a root leads to; null when it cannot be known. */
  nodeOf(root: 'proc' | 'sys', ...parts: readonly string[]): DeviceNode | null {
    return deviceAt(this.#files, this.path(root, ...parts));
  }

  /** What a path that the kernel has shown leads to now; null when it cannot be known. */
  node(path: string): DeviceNode | null {
    if (!path.startsWith('/')) return null;
    const { dev } = this.#roots;
    return deviceAt(this.#files, path.startsWith('/dev/') ? joinPath(dev, path.slice('/dev/'.length)) : path);
  }

  #ask<T>(path: string, read: (path: string) => T): T | null {
    try {
      return read(path);
    } catch (thrown) {
      const errno = errnoOf(thrown);
      if (errno === 'ENOENT' || errno === 'ENOTDIR') return null;
      throw new UnknownUseError(`${path} cannot be read (${errno ?? String(thrown)})`, { cause: thrown });
    }
  }
}

/** Undoes the octal escapes of /proc/mounts and its kin: space, tab, newline and backslash (fs/seq_file.c). */
export function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
