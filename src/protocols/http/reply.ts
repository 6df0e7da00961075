import type { ServerResponse } from 'node:http';
import type { SluiceError } from '../../core/errors.js';
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

/** Sends a text. Nothing that the service says may be kept by a cache, or be taken for what it is not. */
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

/** An error as /v1 answers it; `flash` is null where no session has established the state. */
export const errorBody = ({ code, message, nextRemote, flash }: SluiceError): object => ({
  code,
  message,
  next: nextRemote,
  flash,
});

/** Sends an error as every part of /v1 does, with its own status (docs/errors.md) or the one that is given. */
export function sendError(
  response: ServerResponse,
  error: SluiceError,
  headers: Readonly<Record<string, string>> = {},
  status = error.row.http,
): void {
  sendJson(response, status, errorBody(error), headers);
}
