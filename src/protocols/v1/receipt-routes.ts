import { SluiceError } from '../../core/errors.js';
import type { StoredReceipt } from '../../service/receipts.js';
import type { UpdateService } from '../../service/update-service.js';
import type { Exchange, Route } from '../http/exchange.js';
import { parametersOf } from './query.js';
import { badRequest } from '../http/refusal.js';
import { sendJson } from '../http/reply.js';

/** Receipts of a page: as many as fit on a screen. */
const DEFAULT_PAGE_SIZE = 10;

/** Retry-After for the receipt of a job that is running. */
const RETRY_AFTER_S = 1;

export const receiptPath = (id: string): string => `/v1/receipts/${id}`;

/** The routes that report the outcome of updates. */
export function receiptRoutes(service: UpdateService): readonly Route[] {
  /** The latest receipts in pages; oldest first on each page. */
  const list = ({ query, response }: Exchange): void => {
    const given = parametersOf(query, ['limit', 'before']);
    const limit =
      given.get('limit') === undefined ? DEFAULT_PAGE_SIZE : wholeNumber('limit', given.get('limit'));
    const before = given.get('before');
    const { receipts } = service;
    const ids = receipts.ids.filter(
      (id) => before === undefined || Number(id) < wholeNumber('before', before),
    );
    const page = ids.slice(Math.max(0, ids.length - limit));
    const found = page.map((id) => receipts.read(id)).filter((it): it is StoredReceipt => it !== null);
    const [first] = page;
    const more = first !== undefined && first !== ids[0];
    const older = more ? `/v1/receipts?before=${first}&limit=${limit}` : null;
    sendJson(response, 200, { receipts: found, older });
  };

  const one = ({ response, parameters }: Exchange): void => {
    const id = parameters['id'] as string;
    const stored = service.receipts.read(id);
    if (stored !== null) return sendJson(response, 200, stored);
    const { job } = service;
    // Not stored yet.
    if (job?.id === id && job.kind === 'update') {
      return sendJson(response, 202, { id, job }, { 'retry-after': String(RETRY_AFTER_S) });
    }
    throw badRequest(404, `receipt ${id.slice(0, 40)} does not exist`);
  };

  return [
    { method: 'GET', path: '/v1/receipts', right: 'read', handle: list },
    { method: 'GET', path: '/v1/receipts/:id', right: 'read', handle: one },
  ];
}

/** @throws SluiceError ERR_USAGE_REQUEST */
function wholeNumber(name: string, text: string | undefined): number {
  if (text !== undefined && /^0*[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new SluiceError('ERR_USAGE_REQUEST', `${name} takes a whole number, 1 or more`);
}
