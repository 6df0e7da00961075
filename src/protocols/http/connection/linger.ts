import type { IncomingMessage } from 'node:http';
import { MINOR_GC_BYTES, HeapTrimmer } from '../../../host/node/memory/heap.js';
import { isTinyChunkFlood } from './tiny-chunks.js';

/**
 * Bytes of an unwanted body that are discarded, so that its sender reads the answer. Some clients read it only after
 * they have sent everything, so this is the size of a large bundle.
 */
const MAX_LINGER_BYTES = 64 * 1024 * 1024;

/** Milliseconds for that, and for a client to notice the answer. */
const LINGER_MS = 5000;

/** Shared by all requests. */
const trimmer = new HeapTrimmer(MINOR_GC_BYTES);

/**
 * Call before a request is answered. After the last answer (Connection: close) Node closes the connection even if the
 * body was not read to its end. This replaces that: such a connection is only half-closed, and `linger` does the rest.
 */
export function closeGently(request: IncomingMessage): void {
  const { socket } = request;
  // Without a read, Node discards the body at full speed once the request is answered.
  request.read(0);
  socket.destroySoon = () => {
    // Uncovers the method of the prototype.
    Reflect.deleteProperty(socket, 'destroySoon');
    if (request.complete) socket.destroySoon();
    else socket.end();
  };
}

/**
 * Call after a request was answered before its whole body was read. If the connection were closed at once, the kernel
 * would discard the answer (RFC 9112, section 9.6). The rest of the body is discarded for a while, then the connection is
 * closed. If the body ends before that, the connection can take further requests.
 */
export function linger(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  let left = MAX_LINGER_BYTES;
  let pieces = 0;
  const close = (): void => {
    clearTimeout(timer);
    request.destroy();
  };
  const timer = setTimeout(close, LINGER_MS);
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    trimmer.release(chunk);
    if (left < 0 || isTinyChunkFlood(++pieces, MAX_LINGER_BYTES - left)) return close();
    // One piece per turn, so that a fast sender does not delay other requests.
    request.pause();
    setImmediate(() => request.resume());
    return undefined;
  });
  request.once('end', () => {
    clearTimeout(timer);
    // Half-closed by closeGently.
    if (request.socket.writableEnded) request.socket.destroy();
  });
  request.once('error', () => clearTimeout(timer));
  request.once('close', () => clearTimeout(timer));
  request.resume();
}
