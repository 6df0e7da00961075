import type { System } from './system.js';

/** A loop device and the path of what is under it. */
export interface Loop {
  readonly name: string;
  readonly backing: string;
}

/** The loop devices that are set up. */
export function loops(system: System): Loop[] {
  const names = system.list('sys', 'class', 'block') ?? [];
  return names
    .filter((name) => /^loop\d+$/.test(name))
    .flatMap((name) => {
      const backing = system.attribute('class', 'block', name, 'loop', 'backing_file');
      // Gone while we looked, or not set up.
      return backing === null || backing === ''
        ? []
        : [{ name, backing: backing.replace(/ \(deleted\)$/, '') }];
    });
}
