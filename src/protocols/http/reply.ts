import type { ServerResponse } from 'node:http';
import { EXIT, SluiceError } from '../../core/errors.js';
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

/** Sends an error as every part of /v1 does: `{ code, message, next, flash }`. */
export function sendError(
  response: ServerResponse,
  error: SluiceError,
  headers: Readonly<Record<string, string>> = {},
): void {
  const { code, message, next, flash } = error;
  sendJson(response, statusOf(error), { code, message, next, flash }, headers);
}

/** The HTTP status of an error (docs/http.md). */
export function statusOf(error: SluiceError): number {
  switch (error.code) {
    case 'ERR_BUNDLE_TOO_BIG':
    case 'ERR_FLASH_BAD_BLOCKS':
      return 507;
    case 'ERR_SOURCE_CHANGED':
    case 'ERR_SESSION_UPLOAD':
      return 409;
    case 'ERR_SESSION_CHECK':
      return 404;
    case 'ERR_SOURCE_SILENT':
      return 408;
    case 'ERR_BUSY_CREDENTIALS':
      return 401;
    case 'ERR_BUSY_FORBIDDEN':
      return 403;
    case 'ERR_BUSY_GUESSES':
      return 429;
    // It is about the service, not about what was asked.
    case 'ERR_USAGE_STATE':
      return 500;
    default:
  }
  switch (error.exit) {
    case EXIT.usage:
    case EXIT.source:
      return 400;
    case EXIT.refused:
      return 422;
    case EXIT.busy:
    case EXIT.interrupted:
      return 503;
    default:
      return 500;
  }
}
