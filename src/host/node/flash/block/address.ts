import { basename, extname } from 'node:path';

/** What follows `block:`. */
export interface BlockAddress {
  /** The partition's name, where the address gives it. */
  readonly name: string | null;
  readonly path: string;
}

/** No slash in it, so that `/dev/disk/by-partlabel/a=b` is a path and no name. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Reads `NAME=PATH` or `PATH`; a relative path with an equals sign in it is written as `./PATH`. */
export function parseBlockAddress(rest: string): BlockAddress {
  const at = rest.indexOf('=');
  const name = rest.slice(0, Math.max(at, 0));
  return NAME.test(name) ? { name, path: rest.slice(at + 1) } : { name: null, path: rest };
}

/** The partition's name where the address does not give it: its label, else the file's name without extension. */
export function nameFor(path: string, label: string | null): string {
  return label !== null && NAME.test(label) ? label : basename(path, extname(path));
}
