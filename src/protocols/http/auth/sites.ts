import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Methods that change nothing; all others a browser must only send for the page of the service itself. */
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Whether a browser sends this for a page of another site, and it could change something. Browsers add the name and
 * password of Basic, and client certificates, to such requests by themselves. Programs send neither of the headers
 * that tell.
 */
export function isCrossSite({ method = '', headers }: IncomingMessage): boolean {
  if (SAFE.has(method)) return false;
  const { 'sec-fetch-site': site, origin, host } = headers;
  // Browsers send the first one to trustworthy addresses only (https, loopback), the other one always.
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host?.toLowerCase();
}

/**
 * Whether the name in Host is one that nobody else can make point here: an address, localhost, or one of `names`. A
 * page whose name is made to point to the service after it was loaded (DNS rebinding) is of the same site for the
 * browser, and needs no more where no credentials are asked for.
 */
export function isOwnHost({ headers }: IncomingMessage, names: readonly string[]): boolean {
  const { host } = headers;
  // Browsers never leave it out.
  if (host === undefined || host === '') return true;
  const name = host.toLowerCase().replace(/:\d*$/, '');
  if (name === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0) return true;
  return names.some((known) => known.toLowerCase() === name);
}
