import { SluiceError } from '../../core/errors.js';
import { DeferredSender } from '../../service/deferred-sender.js';
import type { UpdateRequest } from '../../service/update-request.js';
import type { Upload } from '../../service/upload.js';
import type { BodyOptions } from '../http/body.js';
import type { Exchange } from '../http/exchange.js';
import { readForm } from '../http/multipart/form.js';
import { malformed } from '../http/multipart/part-head.js';
import { namesIn, policyNamed } from './query.js';

/** Names of the part that has the bundle: as Redfish calls it, and as a form of HTML would. */
const FILE_PART_NAMES: ReadonlySet<string | null> = new Set(['UpdateFile', 'file']);

/** Fields that say what the queries of the same names do. */
const FIELD_NAMES: ReadonlySet<string | null> = new Set(['only', 'trust']);

/**
 * Streams the bundle out of a form into an upload, and ends it: `curl -F only=kernel -F file=@bundle.tar`. The upload
 * begins with the first byte of the file, so what the fields say must come before it.
 * @param wanted - what the request asks for besides its fields
 * @param received - called when all bytes have come, and only the answer is outstanding
 * @returns what came of it
 * @throws SluiceError ERR_SOURCE_MULTIPART, ERR_USAGE_REQUEST, what `begin` throws, and as FeedSender.run
 */
export async function takeMultipart<T>(
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
        throw malformed(`the form has no ${name?.slice(0, 40)}; it has file, only and trust`);
      if (sender.feed !== null) throw malformed(`${name} comes behind the file; it must come before it`);
      return 'field' as const;
    },
    field: (name: string, text: string) => {
      const given = name === 'only' ? request.only : request.trust;
      if (given !== null) throw new SluiceError('ERR_USAGE_REQUEST', `${name} is given twice`);
      const change = name === 'only' ? { only: namesIn(text) } : { trust: policyNamed(text) };
      request = { ...request, ...change };
    },
    file: (bytes: Uint8Array) => sender.write(bytes),
  };

  return sender.run(async (signal) => {
    await readForm(exchange, form, { silence, signal });
    if (sender.feed === null) throw malformed('the form has no file, or an empty one');
  }, received);
}
