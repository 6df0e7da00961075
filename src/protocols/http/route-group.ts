import type { SluiceError } from '../../core/errors.js';
import type { Right } from '../../service/roles.js';
import type { Route } from './exchange.js';
import { badRequest, refusalOf, type Refusal } from './refusal.js';
import { Router } from './router.js';

/** Routes that answer errors in the same form. */
export interface RouteGroup {
  readonly router: Router;
  /** The way that their requests come: `via` of Origin. */
  readonly via: string;
  /** What a client must be allowed to do to learn that a path or a method is unknown; null: nothing is asked. */
  readonly unknown: Right | null;
  notFound(path: string): Refusal;
  /** The header `Allow` is added to the answer. */
  notAllowed(method: string, path: string): Refusal;
  failed(error: SluiceError): Refusal;
}

/** A group and where it lies. */
export interface Mount {
  /** Without a trailing slash; the group has all paths below it. `''`: all paths that no other mount has. */
  readonly path: string;
  readonly group: () => RouteGroup | Promise<RouteGroup>;
}

/** Routes with errors in the form of docs/errors.md, at all paths that no other mount has. */
export function plainMount(routes: readonly Route[]): Mount {
  const group: RouteGroup = {
    router: new Router(routes),
    via: 'http',
    unknown: null,
    notFound: (path) => badRequest(404, `there is nothing at ${path}`),
    notAllowed: (method, path) => badRequest(405, `${path} does not take ${method}`),
    failed: (error) => refusalOf(error),
  };
  return { path: '', group: () => group };
}
