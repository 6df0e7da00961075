import type { IncomingMessage, ServerResponse } from 'node:http';
import { badRequest, type Refusal } from './refusal.js';

/**
 * Header fields with one value that the service acts on. Of two lines Node keeps the first or joins them; a proxy in
 * front may use the other line (RFC 9110, section 5.3; RFC 9112, section 3.2).
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
 * Refuses an ambiguous head and closes its connection, because the bytes that follow are ambiguous too.
 * @throws Refusal 400; 505 for a major version other than 1
 */
export function requireOneReading(request: IncomingMessage, response: ServerResponse): void {
  const fault = faultOf(request);
  if (fault === null) return;
  response.shouldKeepAlive = false;
  throw fault;
}

function faultOf({ rawHeaders, httpVersionMajor }: IncomingMessage): Refusal | null {
  if (httpVersionMajor !== 1) return badRequest(505, 'the service supports HTTP/1.1 only');
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = (rawHeaders[at] ?? '').toLowerCase();
    if (!SINGLE_FIELDS.has(name)) continue;
    if (seen.has(name)) return badRequest(400, `the head has two ${name} lines`);
    seen.add(name);
  }
  return null;
}
