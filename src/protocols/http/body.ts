import type { IncomingMessage, ServerResponse } from 'node:http';
import { SluiceError } from '../../core/errors.js';
import { readWithIdleTimeout } from '../../host/node/sources/pieces.js';
import { SmallBuffer } from './connection/small-buffer.js';

/** Pieces of a small body. A sender with more wants to keep the processor busy. */
const MAX_PIECES = 1024;

/** How a body is read. */
export interface BodyOptions {
  /** Milliseconds of silence after which the request fails; fewer bytes than a KiB in this time are silence too. */
  readonly silence: number;
  /** Stops reading and throws the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Passes on the body of a request as it arrives, one piece at a time. While `take` runs nothing is read, so that the
 * sender has to wait; this time does not count as silence. Sends `100 Continue` first, so call it only for a request
 * that is accepted.
 *
 * @throws SluiceError ERR_SOURCE_TRUNCATED, ERR_SOURCE_SILENT, and whatever `take` throws
 */
export async function readBody(
  request: IncomingMessage,
  response: ServerResponse,
  take: (bytes: Uint8Array) => void | Promise<void>,
  { silence, signal }: BodyOptions,
): Promise<void> {
  signal?.throwIfAborted();
  sendContinue(request, response);
  await readWithIdleTimeout(request, take, {
    silence,
    signal,
    silent: () => new SluiceError('ERR_SOURCE_SILENT', `sender was silent for ${silence / 1000} seconds`),
    cut: () => new SluiceError('ERR_SOURCE_TRUNCATED', 'connection was closed before the end of the body'),
  });
}

/**
 * Reads a small body into memory.
 * @throws SluiceError ERR_USAGE_REQUEST if it has more than `limit` bytes or too many pieces, and as readBody
 */
export async function readSmallBody(
  request: IncomingMessage,
  response: ServerResponse,
  limit: number,
  options: BodyOptions,
): Promise<Buffer> {
  const body = new SmallBuffer(limit);
  let pieces = 0;
  await readBody(
    request,
    response,
    (bytes) => {
      if (!body.add(bytes)) {
        throw new SluiceError('ERR_USAGE_REQUEST', `request body has more than ${limit} bytes`);
      }
      if (++pieces <= MAX_PIECES) return;
      // No answer is sent: thousands more pieces are in memory.
      request.destroy();
      throw new SluiceError('ERR_USAGE_REQUEST', `request body has more than ${MAX_PIECES} pieces`);
    },
    options,
  );
  return body.bytes;
}

/** Content-Length of a request; null if it has none. */
export function lengthOf(request: IncomingMessage): number | null {
  const length = request.headers['content-length'];
  // Node's parser has refused everything but numbers.
  return length === undefined ? null : Number(length);
}

const waiting = new WeakSet<IncomingMessage>();

/** Records that a client waits for `100 Continue` (Expect: 100-continue). */
export const awaitsContinue = (request: IncomingMessage): void => void waiting.add(request);

/**
 * Whether the request still waits for `100 Continue`. If it is answered instead, its sender may or may not send the
 * body, so the bytes that follow on the connection cannot be interpreted.
 */
export const isBodyUnrequested = (request: IncomingMessage): boolean => waiting.has(request);

function sendContinue(request: IncomingMessage, response: ServerResponse): void {
  if (waiting.delete(request)) response.writeContinue();
}
