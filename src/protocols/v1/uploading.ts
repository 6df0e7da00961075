import { asSluiceError, SluiceError } from '../../core/errors.js';
import type { UpdateService } from '../../service/update-service.js';
import type { Upload } from '../../service/upload.js';
import { readBody, type BodyOptions } from '../http/body.js';
import type { Exchange } from '../http/exchange.js';

/** Hands bytes on; what a reader of a body calls. */
export type Take = (bytes: Uint8Array) => Promise<void>;

/** How an upload is taken. */
export interface UploadOptions extends BodyOptions {
  /** Called when all bytes have come, and only what is made of them is still to come. */
  readonly received?: ((upload: Upload) => void) | undefined;
}

/**
 * Streams a request's body into an upload and ends it, one way or another.
 * @returns what has come of it
 * @throws SluiceError when the connection was cut and the upload waits to be gone on with, when another connection
 *   has taken it over, and for a check what it refuses
 */
export async function takeUpload<T>(
  service: UpdateService,
  upload: Upload<T>,
  exchange: Exchange,
  options: UploadOptions,
): Promise<T> {
  return streamUpload(service, upload, await service.attach(upload as Upload), exchange, options);
}

/**
 * Goes on with an upload whose connection was cut, as `takeUpload`.
 * @param offset - where the body begins, in bytes of the upload
 * @throws SluiceError ERR_SESSION_UPLOAD when that is not where it stands, and as takeUpload
 */
export async function resumeUpload<T>(
  service: UpdateService,
  upload: Upload<T>,
  exchange: Exchange,
  options: UploadOptions,
  offset: string | undefined,
): Promise<T> {
  const signal = await service.attach(upload as Upload);
  const { received } = upload;
  if (offset === String(received)) return streamUpload(service, upload, signal, exchange, options);
  exchange.response.setHeader('upload-offset', received);
  const error = new SluiceError('ERR_SESSION_UPLOAD', `this upload goes on at byte ${received}`);
  await service.lost(upload, signal, error);
  throw error;
}

async function streamUpload<T>(
  service: UpdateService,
  upload: Upload<T>,
  signal: AbortSignal,
  { request, response }: Exchange,
  options: UploadOptions,
): Promise<T> {
  const { silence } = options;
  try {
    await readBody(request, response, (bytes) => upload.write(bytes, signal), { silence, signal });
  } catch (thrown) {
    return interruptUpload(service, upload, signal, thrown);
  }
  return endUpload(service, upload, signal, options);
}

/**
 * All bytes of an upload have come.
 * @param signal - of the connection that they were read from, as `attach` gave it
 * @throws SluiceError as takeUpload
 */
export async function endUpload<T>(
  service: UpdateService,
  upload: Upload<T>,
  signal: AbortSignal,
  { received }: UploadOptions,
): Promise<T> {
  // Another connection may have come to go on with it at the last moment.
  if (signal.aborted) return interruptUpload(service, upload, signal, signal.reason);
  const result = upload.end();
  received?.(upload as Upload);
  return result;
}

/**
 * What becomes of an upload whose bytes could not be read to their end: it ends, or waits to be gone on with.
 * @param signal - of the connection that it was read from, as `attach` gave it
 * @throws SluiceError as takeUpload
 */
export async function interruptUpload<T>(
  service: UpdateService,
  upload: Upload<T>,
  signal: AbortSignal,
  thrown: unknown,
): Promise<T> {
  const error = asSluiceError(thrown);
  if (signal.aborted && !upload.ending) throw error;
  if (!isOfTheConnection(error)) return upload.abort(error);
  const result = await service.lost(upload, signal, error);
  if (result === null) throw error;
  return result;
}

const isOfTheConnection = ({ code }: SluiceError): boolean =>
  code === 'ERR_SOURCE_TRUNCATED' || code === 'ERR_SOURCE_SILENT';
