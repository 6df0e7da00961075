import { SluiceError } from '../../core/errors.js';
import type { UpdateRequest } from '../../service/update-request.js';
import type { UpdateService } from '../../service/update-service.js';
import type { Upload } from '../../service/upload.js';
import type { Exchange } from '../http/exchange.js';
import { namesIn, policyNamed } from './query.js';
import { interruptUpload, endUpload, type UploadOptions } from './uploading.js';
import { readForm } from '../http/multipart/form.js';
import { malformed } from '../http/multipart/part-head.js';

/** Names of the part that has the bundle: as Redfish calls it, and as a form of HTML would. */
const FILES: ReadonlySet<string | null> = new Set(['UpdateFile', 'file']);

/** Fields that say what the queries of the same names do. */
const FIELDS: ReadonlySet<string | null> = new Set(['only', 'trust']);

/**
 * Streams the bundle out of a form into an upload, and ends it: `curl -F only=kernel -F file=@bundle.tar`. The upload
 * begins with the first byte of the file, so what the fields say must come before it.
 * @param wanted - what the request asks for besides its fields
 * @returns what has come of it
 * @throws SluiceError ERR_SOURCE_MULTIPART, ERR_USAGE_REQUEST, what `begin` throws, and as takeUpload
 */
export async function takeMultipart<T>(
  service: UpdateService,
  exchange: Exchange,
  options: UploadOptions,
  wanted: UpdateRequest,
  begin: (request: UpdateRequest) => Promise<Upload<T>>,
): Promise<T> {
  const stop = new AbortController();
  let request = wanted;
  let upload: Upload<T> | null = null;
  let signal = stop.signal;

  const open = async (): Promise<Upload<T>> => {
    const opened = await begin(request);
    signal = await service.attach(opened as Upload);
    signal.addEventListener('abort', () => stop.abort(signal.reason), { once: true });
    return opened;
  };

  const form = {
    sort: ({ name }: { name: string | null }, size: number | null) => {
      if (FILES.has(name)) {
        request = { ...request, size };
        return 'file' as const;
      }
      if (!FIELDS.has(name))
        throw malformed(`the form has no ${name?.slice(0, 40)}; it has file, only and trust`);
      if (upload !== null) throw malformed(`${name} comes behind the file; it must come before it`);
      return 'field' as const;
    },
    field: (name: string, text: string) => {
      const given = name === 'only' ? request.only : request.trust;
      if (given !== null) throw new SluiceError('ERR_USAGE_REQUEST', `${name} is given twice`);
      const change = name === 'only' ? { only: namesIn(text) } : { trust: policyNamed(text) };
      request = { ...request, ...change };
    },
    file: async (bytes: Uint8Array) => {
      upload ??= await open();
      await upload.write(bytes, signal);
    },
  };

  try {
    await readForm(exchange, form, { silence: options.silence, signal: stop.signal });
  } catch (thrown) {
    if (upload === null) throw thrown;
    return interruptUpload<T>(service, upload, signal, thrown);
  }
  if (upload === null) throw malformed('the form has no file, or an empty one');
  return endUpload(service, upload as Upload<T>, signal, options);
}
