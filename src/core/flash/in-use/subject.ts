import { baseName } from '../../paths.js';
import type { DeviceNode } from '../../system-files.js';
import type { ProcSys } from './system.js';

/** The numbers of a device node. */
export interface DeviceNumbers {
  readonly major: number;
  readonly minor: number;
}

/** A device or file that may be in use, and all that it goes by. */
export interface Subject {
  /** For messages: `mtd5 "rwfs"`. */
  readonly label: string;
  /** What its device nodes, or the file, are. */
  readonly nodes: readonly DeviceNode[];
  /** Names of its nodes in /dev. */
  readonly names: readonly string[];
  /** Other words that it can be mounted by: `mtd:rwfs`. */
  readonly sources: readonly string[];
  /** Its block device in /sys/class/block; null where it has none. */
  readonly block: string | null;
  /** Uses that only its kind of device has, such as being attached to UBI. */
  readonly own: readonly string[];
}

/** Whether a path that the kernel shows is the subject's. */
export function isPathOf(subject: Subject, path: string, node: DeviceNode | null): boolean {
  if (path.startsWith('/dev/') && subject.names.includes(baseName(path))) return true;
  return subject.nodes.some(({ kind, id }) => node?.kind === kind && node.id === id);
}

/** Whether a mount's source names the subject. */
export function isSourceOf(subject: Subject, source: string, system: ProcSys): boolean {
  return subject.sources.includes(source) || isPathOf(subject, source, system.node(source));
}
