import type { FlashState } from '../../../core/errors.js';

const KEY = 'sluice.authorization';

/** What an answer that is an error says. */
export interface Problem {
  readonly code: string | null;
  readonly message: string;
  readonly next: string | null;
  /** Null as long as no update has established it. */
  readonly flash: FlashState | null;
}

/** An answer that is an error. */
export class ProblemError extends Error {
  constructor(
    readonly status: number,
    readonly problem: Problem,
  ) {
    super(problem.message);
  }
}

/** Nothing answered. */
export const unreachable: Problem = {
  code: null,
  message: 'The service could not be reached, or the connection was cut.',
  next: 'Check that the board is on and that this device reaches it, then try again.',
  flash: null,
};

/** Credentials are kept as the header that they make, for this tab only. */
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

/** Headers of every request. With the second one a refusal does not make the browser ask for a password. */
export function headers(): Record<string, string> {
  const known = sessionStorage.getItem(KEY);
  return { ...(known === null ? {} : { authorization: known }), 'x-requested-with': 'sluice' };
}

/** @throws ProblemError, TypeError where nothing answers */
export async function call(
  path: string,
  more: RequestInit & { more?: Record<string, string> } = {},
): Promise<Response> {
  // Without credentials of ours the browser may have some: a client certificate, or a password it was given before.
  const response = await fetch(path, {
    cache: 'no-store',
    credentials: credentials.known ? 'omit' : 'same-origin',
    ...more,
    headers: { ...headers(), ...more.more },
  });
  if (response.ok) return response;
  throw new ProblemError(response.status, problemOf(response.status, await response.text()));
}

/** What the body of an error says, or that it says nothing. */
export function problemOf(status: number, text: string): Problem {
  try {
    const { code = null, message, next = null, flash = null } = JSON.parse(text) as Partial<Problem>;
    if (typeof message === 'string') return { code, message, next, flash };
  } catch {
    // Something between the page and the service has answered.
  }
  return { code: null, message: `The answer was an error (${status}).`, next: null, flash: null };
}
