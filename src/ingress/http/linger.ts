import type { IncomingMessage } from 'node:http';

/**
 * Bytes of an unwanted body that are let go by, so that its sender gets to read the answer: some look for it only
 * when they have sent all, so as many as a large bundle has.
 */
const LINGER_BYTES = 64 * 1024 * 1024;

/** Milliseconds for that, and for a sender to notice the answer. */
const LINGER_TIME = 5000;

/**
 * To be called when a request is answered before all of its body was read: closing at once would make the kernel
 * throw the answer away (RFC 9112, section 9.6). What still comes is let go by for a moment, then it is closed. A body
 * that ends meanwhile leaves the connection good for further requests.
 */
export function linger(request: IncomingMessage): void {
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
  request.resume();
}
