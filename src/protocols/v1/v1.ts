import { SluiceError } from '../../core/errors.js';
import type { UpdateService } from '../../service/update-service.js';
import type { Upload } from '../../service/upload.js';
import type { UpdateRequest } from '../../service/update-request.js';
import { readBody, type BodyOptions } from '../http/body.js';
import type { Exchange, Route } from '../http/exchange.js';
import { updateRequestOf, wantsNoWait } from './query.js';
import { receiptPath, receiptRoutes } from './receipt-routes.js';
import { sendJson, sendText } from '../http/reply.js';
import type { FeedSender } from '../../service/feed.js';
import type { UpdateResult, CheckAnswer } from '../../service/results.js';

/** The routes of /v1 that accept bundles and report their results (docs/http.md). */
export function v1Routes(service: UpdateService, options: BodyOptions): readonly Route[] {
  const receive = async <T>(
    exchange: Exchange,
    wanted: UpdateRequest,
    begin: (request: UpdateRequest) => Promise<Upload<T>>,
    received?: (upload: Upload<T>) => void,
  ): Promise<T> => {
    const { 'content-type': type = '' } = exchange.request.headers;
    if (/^multipart\//i.test(type)) {
      const { receiveMultipart } = await import('./receive-multipart.js');
      const beginForm = (request: UpdateRequest): Promise<Upload<T>> =>
        beginUpload(exchange, () => begin(request));
      return receiveMultipart(exchange, options, wanted, beginForm, received);
    }
    const upload = await beginUpload(exchange, () => begin(wanted));
    return readUpload(await upload.attach(), upload, exchange, received);
  };

  const readUpload = <T>(
    sender: FeedSender<T>,
    upload: Upload<T>,
    { request, response }: Exchange,
    received?: (upload: Upload<T>) => void,
  ): Promise<T> =>
    sender.run(
      (bytes, signal) => readBody(request, response, bytes, { ...options, signal }),
      () => received?.(upload),
    );

  const beginUpload = async <T>(
    { response }: Exchange,
    begin: () => Promise<Upload<T>>,
  ): Promise<Upload<T>> => {
    try {
      return await begin();
    } catch (thrown) {
      if (thrown instanceof SluiceError && thrown.row.retry === 'wait') {
        response.setHeader('retry-after', service.retryAfter);
      }
      throw thrown;
    }
  };

  const update = async (exchange: Exchange): Promise<void> => {
    const wanted = updateRequestOf(exchange, ['only', 'trust', 'check', 'resume']);
    const begin = (request: UpdateRequest): Promise<Upload<UpdateResult>> => service.update(request);
    answerUpdate(exchange, await receive(exchange, wanted, begin, answerEarly(exchange)));
  };

  const check = async (exchange: Exchange): Promise<void> => {
    const wanted = updateRequestOf(exchange, ['only']);
    const begin = (request: UpdateRequest): Promise<Upload<CheckAnswer>> => service.check(request);
    const { check: id, result } = await receive(exchange, wanted, begin);
    const { identity, kind, manifest, forecasts } = result;
    const willChange = Object.fromEntries(
      forecasts.map((forecast) => [forecast.partition.name, forecast.summary]),
    );
    const { version = null, machine = null } = manifest ?? result.index;
    sendJson(exchange.response, 200, { check: id, identity, kind, version, machine, willChange });
  };

  /** Offset of an interrupted upload; the path of its receipt if it has ended. */
  const offset = async ({ response, parameters, from }: Exchange): Promise<void> => {
    const trace = await service.trace(parameters['resume'] as string, from.user);
    if (trace.open) await trace.upload.detach();
    // It may have ended meanwhile.
    const ended = !trace.open || trace.upload.ending;
    const { received } = trace.open ? trace.upload : trace;
    sendText(response, 200, '', {
      'upload-offset': String(received),
      ...(ended ? { location: receiptPath(trace.open ? trace.upload.id : trace.receipt) } : {}),
    });
  };

  /** @throws SluiceError ERR_SESSION_UPLOAD; if the upload has ended, the response gets the path of its receipt */
  const openUpload = async ({ response, parameters, from }: Exchange): Promise<Upload<UpdateResult>> => {
    const trace = await service.trace(parameters['resume'] as string, from.user);
    if (!trace.open) {
      response.setHeader('location', receiptPath(trace.receipt));
      throw new SluiceError('ERR_SESSION_UPLOAD', 'the upload has ended; see its receipt');
    }
    return trace.upload as Upload<UpdateResult>;
  };

  const resume = async (exchange: Exchange): Promise<void> => {
    const upload = await openUpload(exchange);
    const { request, response } = exchange;
    const sender = await upload.resume(offsetOf(request)).catch((thrown: unknown) => {
      response.setHeader('upload-offset', upload.received);
      throw thrown;
    });
    answerUpdate(exchange, await readUpload(sender, upload, exchange, answerEarly(exchange)));
  };

  /** For a client that will not resume. */
  const cancel = async (exchange: Exchange): Promise<void> => {
    const upload = await openUpload(exchange);
    const stopped = new SluiceError('ERR_SESSION_INTERRUPTED', 'upload was cancelled by its sender');
    const { id, receipt } = await upload.abort(stopped);
    sendJson(exchange.response, 200, receipt, { 'content-location': receiptPath(id) });
  };

  return [
    { method: 'POST', path: '/v1/update', right: 'write', handle: update },
    { method: 'PUT', path: '/v1/update', right: 'write', handle: update },
    { method: 'HEAD', path: '/v1/update/:resume', right: 'write', handle: offset },
    { method: 'PATCH', path: '/v1/update/:resume', right: 'write', handle: resume },
    { method: 'DELETE', path: '/v1/update/:resume', right: 'write', handle: cancel },
    { method: 'POST', path: '/v1/check', right: 'write', handle: check },
    { method: 'PUT', path: '/v1/check', right: 'write', handle: check },
    {
      method: 'GET',
      path: '/v1/status',
      right: 'read',
      handle: ({ response }) => sendJson(response, 200, service.state),
    },
    ...receiptRoutes(service),
  ];
}

/** Offset at which the body of a resumed upload begins; null if it is missing or malformed. */
function offsetOf({ headers }: Exchange['request']): number | null {
  const { 'upload-offset': offset } = headers;
  return typeof offset === 'string' && /^(?:0|[1-9]\d{0,15})$/.test(offset) ? Number(offset) : null;
}

/** For `Prefer: respond-async` (RFC 7240): answers with the path of the receipt as soon as all bytes have arrived. */
function answerEarly({ request, response }: Exchange): ((upload: Upload) => void) | undefined {
  if (!wantsNoWait(request)) return undefined;
  return ({ id }) => {
    const path = receiptPath(id);
    sendJson(response, 202, { id, receipt: path }, { location: path, 'preference-applied': 'respond-async' });
  };
}

function answerUpdate({ response, request }: Exchange, { id, receipt, error }: UpdateResult): void {
  const status = error === null ? 200 : error.row.http;
  const headers = { 'content-location': receiptPath(id) };
  // The client is gone; the receipt is stored.
  if (request.socket.destroyed) return;
  sendJson(response, status, receipt, headers);
}
