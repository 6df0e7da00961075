import type { IncomingMessage, ServerResponse } from 'node:http';

/** Bytes of an unwanted body that are let go by, so that its sender gets to read the answer. */
const LINGER_BYTES = 4 * 1024 * 1024;

/** Milliseconds that a sender gets to notice the answer. */
const LINGER_TIME = 2000;

/**
 * To be called when a request is answered before all of its body was read: closing at once would make the kernel
 * throw the answer away (RFC 9112, section 9.6). What still comes is let go by for a moment, then it is closed.
 */
export function linger(request: IncomingMessage, response: ServerResponse): void {
  if (request.complete || request.destroyed) return;
  let left = LINGER_BYTES;
  const close = (): void => {
    clearTimeout(timer);
    request.destroy();
  };
  const timer = setTimeout(close, LINGER_TIME);
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    if (left < 0) close();
  });
  request.once('end', () => clearTimeout(timer));
  request.once('error', () => clearTimeout(timer));
  request.once('close', () => clearTimeout(timer));
  response.shouldKeepAlive = false;
  request.resume();
}
