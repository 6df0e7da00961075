import type { SluiceError } from '../../core/errors.js';
import type { Right } from '../../service/roles.js';
import type { Route } from './exchange.js';
import { badRequest, refusalOf, type Refusal } from './refusal.js';
import { Router } from './router.js';

/** Routes that report errors in the same format. */
export interface RouteGroup {
  readonly router: Router;
  /** See Origin. */
  readonly via: string;
  /** The right that a client needs to learn that a path or a method is unknown; null: none. */
  readonly unknown: Right | null;
  notFound(path: string): Refusal;
  /** The header `Allow` is added to the answer. */
  notAllowed(method: string, path: string): Refusal;
  failed(error: SluiceError): Refusal;
}

/** A group and its path. */
export interface Mount {
  /** Without a trailing slash; the group has all paths below it. `''`: the paths that no other mount has. */
  readonly path: string;
  readonly group: () => RouteGroup | Promise<RouteGroup>;
}

/** Routes with errors in the format of docs/errors.md, at all paths that no other mount has. */
export function plainMount(routes: readonly Route[]): Mount {
  const group: RouteGroup = {
    router: new Router(routes),
    via: 'http',
    unknown: null,
    notFound: (path) => badRequest(404, `${path} does not exist`),
    notAllowed: (method, path) => badRequest(405, `${path} does not support ${method}`),
    failed: (error) => refusalOf(error),
  };
  return { path: '', group: () => group };
}
