import type { FlashState } from '../../../core/errors.js';

const KEY = 'sluice.authorization';

/** The body of an error answer. */
export interface Problem {
  readonly code: string | null;
  readonly message: string;
  readonly next: string | null;
  /** Null until an update has established it. */
  readonly flash: FlashState | null;
}

/** An error answer. */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.message);
  }
}

/** The problem if no answer came. */
export const unreachable: Problem = {
  code: null,
  message: 'The service could not be reached, or the connection was lost.',
  next: 'Check that the board is on and reachable from this device, then try again.',
  flash: null,
};

/** Credentials, stored as the value of their header and for this tab only. */
export const credentials = {
  get known(): boolean {
    return sessionStorage.getItem(KEY) !== null;
  },
  set(name: string, secret: string): void {
    const basic = (): string => {
      const bytes = new TextEncoder().encode(`${name}:${secret}`);
      return `Basic ${btoa(String.fromCharCode(...bytes))}`;
    };
    sessionStorage.setItem(KEY, name === '' ? `Bearer ${secret}` : basic());
  },
  forget(): void {
    sessionStorage.removeItem(KEY);
  },
};

/** Headers of every request. With x-requested-with a refusal does not make the browser ask for a password. */
export function headers(): Record<string, string> {
  const known = sessionStorage.getItem(KEY);
  return { ...(known === null ? {} : { authorization: known }), 'x-requested-with': 'sluice' };
}

/** @throws ProblemError; TypeError if no answer came */
export async function call(
  path: string,
  more: RequestInit & { more?: Record<string, string> } = {},
): Promise<Response> {
  // Without ours, the browser may have credentials: a client certificate, or a password entered before.
  const response = await fetch(path, {
    cache: 'no-store',
    credentials: credentials.known ? 'omit' : 'same-origin',
    ...more,
    headers: { ...headers(), ...more.more },
  });
  if (response.ok) return response;
  throw new ProblemError(response.status, problemOf(response.status, await response.text()));
}

/** Parses the body of an error answer. */
export function problemOf(status: number, text: string): Problem {
  try {
    const { code = null, message, next = null, flash = null } = JSON.parse(text) as Partial<Problem>;
    if (typeof message === 'string') return { code, message, next, flash };
  } catch {
    // Another server, such as a proxy, has answered.
  }
  return { code: null, message: `The server answered with status ${status}.`, next: null, flash: null };
}
