import { asSluiceError, SluiceError } from '../../errors.js';
import type { UpdateService } from '../service/update-service.js';
import type { Upload } from '../service/upload.js';
import { readBody, type BodyOptions } from './body.js';
import type { Exchange } from './exchange.js';

/** Hands bytes on; what a reader of a body calls. */
export type Take = (bytes: Uint8Array) => Promise<void>;

/**
 * Streams a request's body into an upload and ends it, one way or another.
 * @param through - what stands between the body and the upload (multipart); by default nothing
 * @returns what has come of it
 * @throws SluiceError when the connection was cut and the upload waits to be gone on with, when another connection
 *   has taken it over, and for a check what it refuses
 */
export async function takeUpload<T>(
  service: UpdateService,
  upload: Upload<T>,
  { request, response }: Exchange,
  { silence }: BodyOptions,
  read: (take: Take, options: BodyOptions) => Promise<void> = (take, options) =>
    readBody(request, response, take, options),
): Promise<T> {
  const signal = await service.attach(upload as Upload);
  try {
    await read((bytes) => upload.write(bytes, signal), { silence, signal });
  } catch (thrown) {
    return breakOff(service, upload, signal, thrown);
  }
  return upload.end();
}

/**
 * What becomes of an upload whose bytes could not be read to their end: it ends, or waits to be gone on with.
 * @param signal - of the connection that it was read from, as `attach` gave it
 * @throws SluiceError as takeUpload
 */
export async function breakOff<T>(
  service: UpdateService,
  upload: Upload<T>,
  signal: AbortSignal,
  thrown: unknown,
): Promise<T> {
  const error = asSluiceError(thrown);
  if (signal.aborted && !upload.ending) throw error;
  if (!isOfTheConnection(error)) return upload.abort(error);
  const result = await service.lost(upload, error);
  if (result === null) throw error;
  return result;
}

const isOfTheConnection = ({ code }: SluiceError): boolean =>
  code === 'ERR_SOURCE_TRUNCATED' || code === 'ERR_SOURCE_SILENT';
