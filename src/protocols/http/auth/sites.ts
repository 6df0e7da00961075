import type { IncomingMessage } from 'node:http';
import { isIP } from 'node:net';

/** Methods that change nothing. A browser must send all others only for a page of the service itself. */
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

/**
 * Whether a browser sends this request for a page of another site and the request could change something. Browsers add
 * Basic credentials and client certificates to such requests on their own. Other programs send neither header.
 */
export function isCrossSite({ method = '', headers }: IncomingMessage): boolean {
  if (SAFE_METHODS.has(method)) return false;
  const { 'sec-fetch-site': site, origin, host } = headers;
  // Browsers send Sec-Fetch-Site to trustworthy addresses only (https, loopback), and Origin always.
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  if (origin === undefined) return false;
  return !URL.canParse(origin) || new URL(origin).host !== host?.toLowerCase();
}

/**
 * Whether the name in Host cannot be pointed here by others: an address, localhost, or one of `names`. Against DNS
 * rebinding: a page whose host name is pointed to the service after it was loaded is of the same site for the browser,
 * and needs no credentials if the service is open.
 */
export function isOwnHost({ headers }: IncomingMessage, names: readonly string[]): boolean {
  const { host } = headers;
  // Browsers always send Host.
  if (host === undefined || host === '') return true;
  const name = host.toLowerCase().replace(/:\d*$/, '');
  if (name === 'localhost' || isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0) return true;
  return names.some((known) => known.toLowerCase() === name);
}
