import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { errnoOf } from '../../../../core/errors.js';

/** Where the kernel tells about itself; tests point elsewhere. */
export interface SystemRoots {
  readonly proc: string;
  readonly sys: string;
  readonly dev: string;
}

/** What a path leads to; `id` is `major:minor` of a device, device and inode of a file. */
export interface DeviceNode {
  readonly kind: 'block' | 'char' | 'file';
  readonly id: string;
}

/** What should tell whether flash is in use cannot be read or understood. Never a reason to call it free. */
export class UnknownUseError extends Error {}

/** Reads /proc and /sys. What is not there is null; what is there and cannot be read is a Doubt. */
export class ProcSys {
  readonly #roots: SystemRoots;

  constructor(roots: Partial<SystemRoots> = {}) {
    this.#roots = { proc: '/proc', sys: '/sys', dev: '/dev', ...roots };
    // Without it everything in it would be missing, and so nothing in use.
    if (this.list('sys', 'class') === null)
      throw new UnknownUseError(`${join(this.#roots.sys, 'class')} is not there`);
  }

  /** Path of something under one of the roots. */
  path(root: 'proc' | 'sys', ...parts: readonly string[]): string {
    return join(this.#roots[root], ...parts);
  }

  /** Content of a file, null when it is not there. */
  text(root: 'proc' | 'sys', ...parts: readonly string[]): string | null {
    return this.#ask(this.path(root, ...parts), (path) => readFileSync(path, 'utf8'));
  }

  /** Content of a sysfs attribute: one line. */
  attribute(...parts: readonly string[]): string | null {
    // Exactly one newline is sysfs's own; a file may be named with blanks at its end.
    return this.text('sys', ...parts)?.replace(/\n$/, '') ?? null;
  }

  /** Names in a folder, null when it is not there. */
  list(root: 'proc' | 'sys', ...parts: readonly string[]): string[] | null {
    return this.#ask(this.path(root, ...parts), (path) => readdirSync(path));
  }

  /** Where a link leads, null when it is not there. */
  link(root: 'proc' | 'sys', ...parts: readonly string[]): string | null {
    return this.#ask(this.path(root, ...parts), (path) => readlinkSync(path));
  }

  /** Device and inode of a folder, null when they cannot be known. */
  folder(root: 'proc' | 'sys', ...parts: readonly string[]): string | null {
    try {
      const { dev, ino } = statSync(this.path(root, ...parts), { bigint: true });
      return `${dev}:${ino}`;
    } catch {
      return null;
    }
  }

  /** Number of this process, as this /proc has it: it need not be the one that the process itself knows. */
  get ownPid(): string {
    const self = this.link('proc', 'self');
    return self === null ? String(process.pid) : basename(self);
  }

  /** What a path that the kernel has shown leads to now; null where that cannot be said. */
  node(path: string): DeviceNode | null {
    if (!path.startsWith('/')) return null;
    return nodeAt(path.startsWith('/dev/') ? join(this.#roots.dev, path.slice('/dev/'.length)) : path);
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

/** What is at a path, null when that cannot be known. */
export function nodeAt(path: string): DeviceNode | null {
  let stat;
  try {
    stat = statSync(path, { bigint: true });
  } catch {
    return null;
  }
  if (stat.isBlockDevice()) return { kind: 'block', id: deviceId(Number(stat.rdev)) };
  if (stat.isCharacterDevice()) return { kind: 'char', id: deviceId(Number(stat.rdev)) };
  return stat.isFile() ? { kind: 'file', id: `${stat.dev}:${stat.ino}` } : null;
}

/** `major:minor` of a st_rdev: 12 bits of major, 20 of minor (linux/kdev_t.h, new_encode_dev). */
export function deviceId(rdev: number): string {
  return `${(rdev >>> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >>> 12) & 0xfff00)}`;
}

/** Undoes the octal escapes of /proc/mounts and its kin: space, tab, newline and backslash (fs/seq_file.c). */
export function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
