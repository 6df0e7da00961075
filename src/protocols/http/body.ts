import type { IncomingMessage, ServerResponse } from 'node:http';
import { SluiceError } from '../../core/errors.js';
import { readWithIdleTimeout } from '../../host/node/sources/pieces.js';
import { SmallBuffer } from './connection/small-buffer.js';

/** Pieces of a small body: a sender who splits more finely wants to keep the processor at work. */
const PIECES = 1024;

/** How a body is read. */
export interface BodyOptions {
  /** Milliseconds of silence after which a sender is given up; that of less than a KiB is silence too. */
  readonly silence: number;
  /** Ends the reading; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Hands a request's body on as it comes, one piece at a time: while `take` is at work nothing is read, and the
 * sender is held back by its own socket. Only silence of the sender counts as silence, not the time that `take`
 * needs. Says `100 Continue` when it is called, so call it when the request is one that will be taken.
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
  sayContinue(request, response);
  await readWithIdleTimeout(request, take, {
    silence,
    signal,
    silent: () => new SluiceError('ERR_SOURCE_SILENT', `the sender was silent for ${silence / 1000} seconds`),
    cut: () => new SluiceError('ERR_SOURCE_TRUNCATED', 'the connection was closed before all had come'),
  });
}

/**
 * Reads a small body whole.
 * @throws SluiceError ERR_USAGE_REQUEST when it has more than `limit` bytes or comes in crumbs, and as readBody
 */
export async function readSmall(
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
        throw new SluiceError('ERR_USAGE_REQUEST', `the body has more than ${limit} bytes`);
      }
      if (++pieces <= PIECES) return;
      // Without an answer: there are thousands more in memory.
      request.destroy();
      throw new SluiceError('ERR_USAGE_REQUEST', 'the body comes in crumbs');
    },
    options,
  );
  return body.bytes;
}

/** Bytes that come, or null where the request does not say. */
export function lengthOf(request: IncomingMessage): number | null {
  const length = request.headers['content-length'];
  // Node's parser has refused what is no number.
  return length === undefined ? null : Number(length);
}

const waiting = new WeakSet<IncomingMessage>();

/** Notes that a client waits for `100 Continue` (Expect: 100-continue). */
export const awaitsContinue = (request: IncomingMessage): void => void waiting.add(request);

/**
 * Whether a request is answered without its body having been asked for. Its sender may send it all the same or not,
 * so nothing that comes on that connection afterwards can be distinguished from it.
 */
export const isUnasked = (request: IncomingMessage): boolean => waiting.has(request);

function sayContinue(request: IncomingMessage, response: ServerResponse): void {
  if (waiting.delete(request)) response.writeContinue();
}
