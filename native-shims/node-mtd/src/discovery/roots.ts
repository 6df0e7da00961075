/** Where the file systems of the kernel are. Tests pass folders of their own. */
export interface Roots {
  readonly proc: string;
  readonly sys: string;
  readonly dev: string;
}

export function withDefaults(roots?: Partial<Roots>): Roots {
  return { proc: roots?.proc ?? '/proc', sys: roots?.sys ?? '/sys', dev: roots?.dev ?? '/dev' };
}
