/** Paths with slashes, as the file systems of boards have them. */

/** `a/b` of `a` or `a/`, and `b`. */
export function joinPath(folder: string, ...parts: readonly string[]): string {
  return [folder.replace(/(?<=.)\/+$/, ''), ...parts].join('/').replace(/^\/\//, '/');
}

/** The last part of a path. */
export function baseName(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}

/** The folder that a path lies in: `a` of `a/b`, `.` of `b`. */
export function folderOf(path: string): string {
  const at = path.replace(/\/+$/, '').lastIndexOf('/');
  return at < 0 ? '.' : path.slice(0, Math.max(at, 1));
}
