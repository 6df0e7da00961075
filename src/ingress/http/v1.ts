import { SluiceError } from '../../errors.js';
import type { UpdateService, UpdateResult, CheckAnswer } from '../service/update-service.js';
import type { Upload } from '../service/upload.js';
import type { UpdateRequest } from '../service/update-request.js';
import type { BodyOptions } from './body.js';
import type { Exchange, Route } from './exchange.js';
import { updateRequestOf } from './query.js';
import { sendJson, sendText, statusOf } from './reply.js';
import { takeUpload } from './uploading.js';

/** The routes of /v1 that take bundles and tell what has become of them (design, section 7). */
export function v1Routes(service: UpdateService, options: BodyOptions): readonly Route[] {
  const update = async (exchange: Exchange): Promise<void> => {
    const result = await take(exchange, (request) => service.update(request));
    answerUpdate(exchange, result);
  };

  const take = async <T>(
    exchange: Exchange,
    begin: (request: UpdateRequest) => Promise<Upload<T>>,
  ): Promise<T> => {
    const wanted = updateRequestOf(exchange);
    const { 'content-type': type = '' } = exchange.request.headers;
    if (/^multipart\//i.test(type)) {
      const { takeMultipart } = await import('./multipart/take-multipart.js');
      return takeMultipart(service, exchange, options, wanted, (request) =>
        beginUpload(exchange, () => begin(request)),
      );
    }
    const upload = await beginUpload(exchange, () => begin(wanted));
    return takeUpload(service, upload, exchange, options);
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

  const check = async (exchange: Exchange): Promise<void> => {
    const { check: id, result } = await take<CheckAnswer>(exchange, (request) => service.check(request));
    const { identity, kind, manifest, forecasts } = result;
    const willChange = Object.fromEntries(
      forecasts.map((forecast) => [forecast.partition.name, forecast.summary]),
    );
    const { version = null, machine = null } = manifest ?? result.index;
    sendJson(exchange.response, 200, { check: id, identity, kind, version, machine, willChange });
  };

  /** Where an upload stands whose connection was cut. */
  const stand = async ({ response, parameters }: Exchange): Promise<void> => {
    const upload = service.find(parameters['resume'] as string);
    await service.settle(upload);
    sendText(response, 200, '', { 'upload-offset': String(upload.received) });
  };

  const goOn = async (exchange: Exchange): Promise<void> => {
    const { request, response, parameters } = exchange;
    const upload = service.find(parameters['resume'] as string) as Upload<UpdateResult>;
    await service.settle(upload);
    const { 'upload-offset': offset } = request.headers;
    if (offset !== String(upload.received)) {
      response.setHeader('upload-offset', upload.received);
      throw new SluiceError('ERR_SESSION_UPLOAD', `this upload goes on at byte ${upload.received}`);
    }
    answerUpdate(exchange, await takeUpload(service, upload, exchange, options));
  };

  return [
    { method: 'POST', path: '/v1/update', right: 'write', handle: update },
    { method: 'PUT', path: '/v1/update', right: 'write', handle: update },
    { method: 'HEAD', path: '/v1/update/:resume', right: 'write', handle: stand },
    { method: 'PATCH', path: '/v1/update/:resume', right: 'write', handle: goOn },
    { method: 'POST', path: '/v1/check', right: 'write', handle: check },
    { method: 'PUT', path: '/v1/check', right: 'write', handle: check },
    {
      method: 'GET',
      path: '/v1/status',
      right: 'read',
      handle: ({ response }) => sendJson(response, 200, service.state),
    },
    {
      method: 'GET',
      path: '/v1/receipts',
      right: 'read',
      handle: ({ response }) => {
        const { receipts } = service;
        sendJson(response, 200, {
          receipts: receipts.ids.map((id) => receipts.read(id)).filter((it) => it !== null),
        });
      },
    },
    {
      method: 'GET',
      path: '/v1/receipts/:id',
      right: 'read',
      handle: ({ response, parameters }) => {
        const stored = service.receipts.read(parameters['id'] as string);
        if (stored !== null) return sendJson(response, 200, stored);
        const { code, message, next } = new SluiceError('ERR_USAGE_REQUEST', 'there is no such receipt');
        return sendJson(response, 404, { code, message, next });
      },
    },
  ];
}

function answerUpdate({ response, request }: Exchange, { id, receipt, error }: UpdateResult): void {
  const status = error === null ? 200 : statusOf(error);
  const headers = { 'content-location': `/v1/receipts/${id}` };
  // Nobody waits for it any more; the receipt is kept.
  if (request.socket.destroyed) return;
  sendJson(response, status, receipt, headers);
}
