import {
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  type Dirent,
} from 'node:fs';
import { dirname } from 'node:path';
import {
  deviceAt,
  type DeviceNode,
  type FileStat,
  type FolderEntry,
  type SystemFiles,
} from '../../../core/system-files.js';
import { append } from './append.js';
import { syncFolderSync } from './folder.js';
import { PidLock } from './pid-lock.js';
import { readSmallFile } from './small-file.js';

/** Files and folders of this machine. What replaces is loaded when it is needed: most commands only read. */
export const nodeFiles: SystemFiles = {
  list: (folder) => readdirSync(folder, { withFileTypes: true }).map(entryOf),
  text: (path) => readFileSync(path, 'utf8'),
  readSmall(path, most) {
    const found = readSmallFile(path, most);
    return typeof found === 'string' ? found : found.bytes;
  },
  stat: statOf,
  link: (path) => readlinkSync(path),
  realPath: (path) => realpathSync(path),
  freeBytes: async (folder) => (await import('./replace-file.js')).freeBytes(folder),
  replace: async (path, bytes) => (await import('./replace-file.js')).replaceFile(path, bytes),
  remove: async (path) => (await import('./replace-file.js')).removeFile(path),
  append,
  rename(path, to) {
    renameSync(path, to);
    syncFolderSync(dirname(to));
  },
  discard: (path) => rmSync(path, { force: true }),
  lock: (path, patience) => PidLock.wait(path, patience),
};

/** The device or regular file at a path; null if there is neither, or it cannot be known. */
export const nodeAt = (path: string): DeviceNode | null => deviceAt(nodeFiles, path);

/** `major:minor` of a st_rdev: 12 bits of major, 20 of minor (linux/kdev_t.h, new_encode_dev). */
export function deviceId(rdev: number): string {
  return `${(rdev >>> 8) & 0xfff}:${(rdev & 0xff) | ((rdev >>> 12) & 0xfff00)}`;
}

function entryOf(entry: Dirent): FolderEntry {
  return { name: entry.name, kind: entry.isFile() ? 'file' : entry.isDirectory() ? 'folder' : 'other' };
}

function statOf(path: string): FileStat {
  const stat = statSync(path, { bigint: true });
  if (stat.isBlockDevice()) return { kind: 'block', id: deviceId(Number(stat.rdev)) };
  if (stat.isCharacterDevice()) return { kind: 'char', id: deviceId(Number(stat.rdev)) };
  const kind = stat.isFile() ? 'file' : stat.isDirectory() ? 'folder' : 'other';
  return { kind, id: `${stat.dev}:${stat.ino}` };
}
