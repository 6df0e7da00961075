import type { IncomingMessage } from 'node:http';
import { MINOR_GC_BYTES, HeapTrimmer } from '../../../host/node/memory/heap.js';
import { isTinyChunkFlood } from './tiny-chunks.js';

/**
 * Bytes of an unwanted body that are let go by, so that its sender gets to read the answer: some look for it only
 * when they have sent all, so as many as a large bundle has.
 */
const LINGER_BYTES = 64 * 1024 * 1024;

/** Milliseconds for that, and for a sender to notice the answer. */
const LINGER_TIME = 5000;

/** One for all of them. */
const scavenger = new HeapTrimmer(MINOR_GC_BYTES);

/**
 * To be called before a request is answered. Node closes the connection behind an answer that is the last one
 * (Connection: close) whatever has come meanwhile; here it only says that no more is sent, where the body has not been
 * read to its end, and `linger` does the rest.
 */
export function closeGently(request: IncomingMessage): void {
  const { socket } = request;
  // Node lets a body go by itself, as fast as it comes, when an answer is given before anybody has asked for it.
  request.read(0);
  socket.destroySoon = () => {
    // The one of all sockets is behind it again.
    Reflect.deleteProperty(socket, 'destroySoon');
    if (request.complete) socket.destroySoon();
    else socket.end();
  };
}

/**
 * To be called when a request is answered before all of its body was read: closing at once would make the kernel
 * throw the answer away (RFC 9112, section 9.6). What still comes is let go by for a moment, then it is closed. A body
 * that ends meanwhile leaves the connection good for further requests.
 */
export function linger(request: IncomingMessage): void {
  if (request.complete || request.destroyed) return;
  let left = LINGER_BYTES;
  let pieces = 0;
  const close = (): void => {
    clearTimeout(timer);
    request.destroy();
  };
  const timer = setTimeout(close, LINGER_TIME);
  request.on('data', (chunk: Buffer) => {
    left -= chunk.length;
    scavenger.release(chunk);
    if (left < 0 || isTinyChunkFlood(++pieces, LINGER_BYTES - left)) return close();
    // One piece at a time, for all the others: what a fast sender has sent would be read in one go otherwise.
    request.pause();
    setImmediate(() => request.resume());
    return undefined;
  });
  request.once('end', () => {
    clearTimeout(timer);
    // Nothing more is sent on it: see closeGently.
    if (request.socket.writableEnded) request.socket.destroy();
  });
  request.once('error', () => clearTimeout(timer));
  request.once('close', () => clearTimeout(timer));
  request.resume();
}
