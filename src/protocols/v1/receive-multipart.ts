import { SluiceError } from '../../core/errors.js';
import { DeferredSender } from '../../service/deferred-sender.js';
import type { UpdateRequest } from '../../service/update-request.js';
import type { Upload } from '../../service/upload.js';
import type { BodyOptions } from '../http/body.js';
import type { Exchange } from '../http/exchange.js';
import { readForm } from '../http/multipart/form.js';
import { malformed } from '../http/multipart/part-head.js';
import { namesIn, policyNamed } from './query.js';

/** Names of the part with the bundle: that of Redfish, and a common one of HTML forms. */
const FILE_PART_NAMES: ReadonlySet<string | null> = new Set(['UpdateFile', 'file']);

/** Fields with the meaning of the query parameters of the same names. */
const FIELD_NAMES: ReadonlySet<string | null> = new Set(['only', 'trust']);

/**
 * Streams the bundle of a form into an upload and ends it: `curl -F only=kernel -F file=@bundle.tar`. The upload begins
 * with the first byte of the file, so the fields must come before the file.
 * @param wanted - the request without its fields
 * @param received - called when all bytes have arrived and only the answer is outstanding
 * @throws SluiceError ERR_SOURCE_MULTIPART, ERR_USAGE_REQUEST, the errors of `begin`, and as FeedSender.run
 */
export async function receiveMultipart<T>(
  exchange: Exchange,
  { silence }: BodyOptions,
  wanted: UpdateRequest,
  begin: (request: UpdateRequest) => Promise<Upload<T>>,
  received?: (upload: Upload<T>) => void,
): Promise<T> {
  let request = wanted;
  const sender = new DeferredSender<T, Upload<T>>(() => begin(request));

  const form = {
    kindOf: ({ name }: { name: string | null }, size: number | null) => {
      if (FILE_PART_NAMES.has(name)) {
        request = { ...request, size };
        return 'file' as const;
      }
      if (!FIELD_NAMES.has(name))
        throw malformed(`unknown field ${name?.slice(0, 40)}; the form has file, only and trust`);
      if (sender.feed !== null)
        throw malformed(`field ${name} comes after the file; it must come before the file`);
      return 'field' as const;
    },
    field: (name: string, text: string) => {
      const given = name === 'only' ? request.only : request.trust;
      if (given !== null)
        throw new SluiceError(
          'ERR_USAGE_REQUEST',
          `${name} is given both as a query parameter and as a field`,
        );
      const change = name === 'only' ? { only: namesIn(text) } : { trust: policyNamed(text) };
      request = { ...request, ...change };
    },
    file: (bytes: Uint8Array) => sender.write(bytes),
  };

  return sender.run(async (signal) => {
    await readForm(exchange, form, { silence, signal });
    if (sender.feed === null) throw malformed('the form has no file or an empty one');
  }, received);
}
