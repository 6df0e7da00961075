import { SluiceError } from '../../core/errors.js';
import type { UpdateService, UpdateResult, CheckAnswer } from '../../service/update-service.js';
import type { Upload } from '../../service/upload.js';
import type { UpdateRequest } from '../../service/update-request.js';
import type { BodyOptions } from '../http/body.js';
import type { Exchange, Route } from '../http/exchange.js';
import { requestOf, wantsNoWait } from './query.js';
import { receiptPath, receiptRoutes } from './receipt-routes.js';
import { sendJson, sendText, statusOf } from '../http/reply.js';
import { resumeUpload, takeUpload, type UploadOptions } from './uploading.js';

/** The routes of /v1 that take bundles and tell what has become of them (docs/http.md). */
export function v1Routes(service: UpdateService, options: BodyOptions): readonly Route[] {
  const take = async <T>(
    exchange: Exchange,
    wanted: UpdateRequest,
    begin: (request: UpdateRequest) => Promise<Upload<T>>,
    how: UploadOptions,
  ): Promise<T> => {
    const { 'content-type': type = '' } = exchange.request.headers;
    if (/^multipart\//i.test(type)) {
      const { takeMultipart } = await import('./take-multipart.js');
      return takeMultipart(service, exchange, how, wanted, (request) =>
        beginUpload(exchange, () => begin(request)),
      );
    }
    const upload = await beginUpload(exchange, () => begin(wanted));
    return takeUpload(service, upload, exchange, how);
  };

  const beginUpload = async <T>(
    { response }: Exchange,
    begin: () => Promise<Upload<T>>,
  ): Promise<Upload<T>> => {
    try {
      return await begin();
    } catch (thrown) {
      if (thrown instanceof SluiceError && thrown.code === 'ERR_BUSY_FLASH') {
        response.setHeader('retry-after', service.retryAfter);
      }
      throw thrown;
    }
  };

  const update = async (exchange: Exchange): Promise<void> => {
    const wanted = requestOf(exchange, ['only', 'trust', 'check', 'resume']);
    const how = { ...options, received: answerEarly(exchange) };
    answerUpdate(exchange, await take(exchange, wanted, (request) => service.update(request), how));
  };

  const check = async (exchange: Exchange): Promise<void> => {
    const wanted = requestOf(exchange, ['only']);
    const { check: id, result } = await take<CheckAnswer>(
      exchange,
      wanted,
      (request) => service.check(request),
      options,
    );
    const { identity, kind, manifest, forecasts } = result;
    const willChange = Object.fromEntries(
      forecasts.map((forecast) => [forecast.partition.name, forecast.summary]),
    );
    const { version = null, machine = null } = manifest ?? result.index;
    sendJson(exchange.response, 200, { check: id, identity, kind, version, machine, willChange });
  };

  /** Where an upload stands whose connection was cut, or what came of it. */
  const stand = async ({ response, parameters, from }: Exchange): Promise<void> => {
    const trace = await service.trace(parameters['resume'] as string, from.user);
    if (trace.open) await service.settle(trace.upload);
    // It may have come to its end meanwhile.
    const over = !trace.open || trace.upload.ending;
    const { received } = trace.open ? trace.upload : trace;
    sendText(response, 200, '', {
      'upload-offset': String(received),
      ...(over ? { location: receiptPath(trace.open ? trace.upload.id : trace.receipt) } : {}),
    });
  };

  /** @throws SluiceError ERR_SESSION_UPLOAD, with the way to its receipt when it has ended */
  const openUpload = async ({ response, parameters, from }: Exchange): Promise<Upload<UpdateResult>> => {
    const trace = await service.trace(parameters['resume'] as string, from.user);
    if (!trace.open) {
      response.setHeader('location', receiptPath(trace.receipt));
      throw new SluiceError('ERR_SESSION_UPLOAD', 'this upload has ended; its receipt tells how');
    }
    return trace.upload as Upload<UpdateResult>;
  };

  const goOn = async (exchange: Exchange): Promise<void> => {
    const upload = await openUpload(exchange);
    const { 'upload-offset': offset } = exchange.request.headers;
    const how = { ...options, received: answerEarly(exchange) };
    answerUpdate(exchange, await resumeUpload(service, upload, exchange, how, offset?.toString()));
  };

  /** For a sender who will not go on. */
  const giveUp = async (exchange: Exchange): Promise<void> => {
    const upload = await openUpload(exchange);
    const stopped = new SluiceError('ERR_SESSION_INTERRUPTED', 'its sender has given the upload up');
    const { id, receipt } = await upload.abort(stopped);
    sendJson(exchange.response, 200, receipt, { 'content-location': receiptPath(id) });
  };

  return [
    { method: 'POST', path: '/v1/update', right: 'write', handle: update },
    { method: 'PUT', path: '/v1/update', right: 'write', handle: update },
    { method: 'HEAD', path: '/v1/update/:resume', right: 'write', handle: stand },
    { method: 'PATCH', path: '/v1/update/:resume', right: 'write', handle: goOn },
    { method: 'DELETE', path: '/v1/update/:resume', right: 'write', handle: giveUp },
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

/** For a sender who does not want to wait for the end (RFC 7240): sends them to the receipt as soon as all has come. */
function answerEarly({ request, response }: Exchange): ((upload: Upload) => void) | undefined {
  if (!wantsNoWait(request)) return undefined;
  return ({ id }) => {
    const path = receiptPath(id);
    sendJson(response, 202, { id, receipt: path }, { location: path, 'preference-applied': 'respond-async' });
  };
}

function answerUpdate({ response, request }: Exchange, { id, receipt, error }: UpdateResult): void {
  const status = error === null ? 200 : statusOf(error);
  const headers = { 'content-location': receiptPath(id) };
  // Nobody waits for it any more; the receipt is kept.
  if (request.socket.destroyed) return;
  sendJson(response, status, receipt, headers);
}
