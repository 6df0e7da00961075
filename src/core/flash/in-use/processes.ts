import type { DeviceNode } from '../../system-files.js';
import { UnknownUseError, type ProcSys } from './system.js';

/** A device or file that some process has open. */
export interface OpenFile {
  /** What the kernel shows as its path. */
  readonly path: string;
  readonly node: DeviceNode | null;
  readonly pid: string;
  readonly descriptor: string;
}

/**
 * What other processes have open, as far as this one may see it: all of it as root, its own user's otherwise.
 * Processes come and go while we look, so here what is missing is no reason to doubt.
 */
export function* openFiles(system: ProcSys): Generator<OpenFile> {
  const own = system.ownPid;
  for (const pid of system.list('proc') ?? []) {
    if (!/^\d+$/.test(pid) || pid === own) continue;
    for (const descriptor of attempt(() => system.list('proc', pid, 'fd')) ?? []) {
      const path = attempt(() => system.link('proc', pid, 'fd', descriptor));
      // Sockets, pipes and the like have names without a slash in front.
      if (path?.startsWith('/') !== true) continue;
      // By the link, not by its text: the node may have been renamed, removed or made elsewhere.
      const node = system.nodeOf('proc', pid, 'fd', descriptor);
      yield { path: path.replace(/ \(deleted\)$/, ''), node, pid, descriptor };
    }
  }
}

/** Whether it is open for writing. Where the kernel does not say, it is taken to be. */
export function isOpenForWriting(system: ProcSys, { pid, descriptor }: OpenFile): boolean {
  const info = attempt(() => system.text('proc', pid, 'fdinfo', descriptor));
  const [, flags] = /^flags:\s*([0-7]+)$/m.exec(info ?? '') ?? [];
  const ACCESS_MODE = 3;
  return flags === undefined || (Number.parseInt(flags.slice(-2), 8) & ACCESS_MODE) !== 0;
}

/** Name of a process, for a message. */
export function programOf(system: ProcSys, pid: string): string {
  const name = attempt(() => system.text('proc', pid, 'comm'))?.trimEnd();
  return name === undefined || name === '' ? 'a process' : name;
}

function attempt<T>(look: () => T | null): T | null {
  try {
    return look();
  } catch (thrown) {
    if (thrown instanceof UnknownUseError) return null;
    throw thrown;
  }
}
