import type { Route } from './exchange.js';

/** The result of a lookup. */
export type Match =
  | { readonly route: Route; readonly parameters: Record<string, string> }
  /** The path is known, but only for these methods. */
  | { readonly route: null; readonly allow: readonly string[] };

/** Finds the route of a request. */
export class Router {
  readonly #routes: readonly { readonly route: Route; readonly parts: readonly string[] }[];

  constructor(routes: readonly Route[]) {
    this.#routes = routes.map((route) => ({ route, parts: partsOf(route.path) }));
  }

  /** @returns null if no route has this path. One trailing slash is ignored. */
  find(method: string, path: string): Match | null {
    const given = partsOf(path.length > 1 && path.endsWith('/') ? path.slice(0, -1) : path);
    const allow: string[] = [];
    for (const { route, parts } of this.#routes) {
      const parameters = parametersOf(parts, given);
      if (parameters === null) continue;
      if (route.method === method || (method === 'HEAD' && route.method === 'GET'))
        return { route, parameters };
      allow.push(route.method);
      if (route.method === 'GET') allow.push('HEAD');
    }
    return allow.length === 0 ? null : { route: null, allow: [...new Set(allow)] };
  }
}

const partsOf = (path: string): string[] => path.split('/').slice(1);

function parametersOf(parts: readonly string[], given: readonly string[]): Record<string, string> | null {
  if (given.length !== parts.length) return null;
  const parameters: Record<string, string> = {};
  for (const [at, part] of parts.entries()) {
    const word = given[at] as string;
    if (!part.startsWith(':')) {
      if (part !== word) return null;
    } else if (word === '') return null;
    else parameters[part.slice(1)] = word;
  }
  return parameters;
}
