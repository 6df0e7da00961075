import type { ServerResponse } from 'node:http';
import { isUnasked } from './body.js';

/** Sends one JSON document. */
export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): void {
  sendText(response, status, `${JSON.stringify(body)}\n`, { 'content-type': 'application/json', ...headers });
}

/** Sends a text. No cache must keep it, and no client must guess its type. */
export function sendText(
  response: ServerResponse,
  status: number,
  text: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  if (response.headersSent || response.destroyed) return;
  response.writeHead(status, {
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    'content-length': Buffer.byteLength(text),
    ...(isUnasked(response.req) ? { connection: 'close' } : {}),
    ...headers,
  });
  response.end(text);
}
