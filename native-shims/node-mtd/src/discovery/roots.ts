/** Where the kernel's file systems are; tests put folders of their own there. */
export interface Roots {
  readonly proc: string;
  readonly sys: string;
  readonly dev: string;
}

export function withDefaults(roots?: Partial<Roots>): Roots {
  return { proc: roots?.proc ?? '/proc', sys: roots?.sys ?? '/sys', dev: roots?.dev ?? '/dev' };
}
