import type { DeviceNode } from '../../system-files.js';
import type { ProcSys } from './system.js';

/** A loop device and what is under it. */
export interface Loop {
  readonly name: string;
  readonly backing: string;
  /** Null when the name of what is under it is gone: there may be other names. */
  readonly node: DeviceNode | null;
}

/** The loop devices that are set up. */
export function loops(system: ProcSys): Loop[] {
  const names = system.list('sys', 'class', 'block') ?? [];
  return names
    .filter((name) => /^loop\d+$/.test(name))
    .flatMap((name) => {
      const backing = system.attribute('class', 'block', name, 'loop', 'backing_file');
      // Gone while we looked, or not set up.
      return backing === null || backing === '' ? [] : [{ name, backing, node: system.node(backing) }];
    });
}
