import type { IncomingMessage, ServerResponse } from 'node:http';
import { badRequest, type Refusal } from './refusal.js';

/**
 * Fields that something is decided by, and that have one value. Of two lines Node keeps the first one or joins them; a
 * proxy in front may go by the other one (RFC 9110, section 5.3; RFC 9112, section 3.2).
 */
const SINGLE_FIELDS: ReadonlySet<string> = new Set([
  'authorization',
  'content-disposition',
  'content-encoding',
  'content-length',
  'content-type',
  'expect',
  'host',
  'last-event-id',
  'origin',
  'sec-fetch-site',
  'transfer-encoding',
  'x-auth-token',
  'x-requested-with',
]);

/**
 * Refuses a head that could be read in two ways, and closes its connection: what follows could be so read, too.
 * @throws Refusal 400, 505 for a version of HTTP that has no such heads
 */
export function requireOneReading(request: IncomingMessage, response: ServerResponse): void {
  const fault = faultOf(request);
  if (fault === null) return;
  response.shouldKeepAlive = false;
  throw fault;
}

function faultOf({ rawHeaders, httpVersionMajor }: IncomingMessage): Refusal | null {
  if (httpVersionMajor !== 1) return badRequest(505, 'this service speaks HTTP/1.1');
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    if (!SINGLE_FIELDS.has(name)) continue;
    if (seen.has(name)) return badRequest(400, `the head has two ${name} lines`);
    seen.add(name);
  }
  return null;
}
