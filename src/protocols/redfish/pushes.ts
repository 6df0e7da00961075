import { lengthOf, readBody } from '../http/body.js';
import type { Exchange } from '../http/exchange.js';
import type { Form } from '../http/multipart/form.js';
import { bundleLimit } from './limits.js';
import type { RedfishOptions } from './options.js';
import { parseUpdateParameters, tooLarge } from './parameters.js';
import { problem, propertyProblem, RedfishProblem } from './problem.js';
import { base } from './messages.js';
import { Push } from './push.js';
import type { Task, TaskList } from './tasks.js';

/** Bytes of a form besides its file. */
const MAX_ENVELOPE_BYTES = 128 * 1024;

/** HttpPushUri: the bundle is the body (docs/redfish.md, Updates). */
export async function pushRaw(
  { service, silence }: RedfishOptions,
  tasks: TaskList,
  exchange: Exchange,
): Promise<Task> {
  const { request, response } = exchange;
  // bmcweb answers 400 without a body. More clients understand 415, and the message names the header.
  const [type = ''] = (request.headers['content-type'] ?? '').split(';');
  if (type.trim().toLowerCase() !== 'application/octet-stream') throw wrongType();
  const size = lengthOf(request);
  if (size !== null && size > bundleLimit(service)) throw tooLarge();
  // Before `100 Continue` is sent.
  service.requireIdle();
  const push = new Push(service, tasks, exchange);
  const take = (bytes: Uint8Array): Promise<void> => push.take(bytes, { only: null, size });
  return push.run(async (signal) => {
    await readBody(request, response, take, { silence, signal });
    if (!push.begun) throw problem(400, 'UnrecognizedRequestBody');
  });
}

/** MultipartHttpPushUri: a form with the bundle and its parameters (docs/redfish.md, Updates). */
export async function pushMultipart(
  { service, silence }: RedfishOptions,
  tasks: TaskList,
  exchange: Exchange,
): Promise<Task> {
  const { request } = exchange;
  if (!/^multipart\/form-data\s*(?:;|$)/i.test(request.headers['content-type'] ?? '')) throw wrongType();
  if ((lengthOf(request) ?? 0) > bundleLimit(service) + MAX_ENVELOPE_BYTES) throw tooLarge();
  service.requireIdle();
  const { readForm } = await import('../http/multipart/form.js');
  const push = new Push(service, tasks, exchange);
  let only: readonly string[] | null = null;
  let size: number | null = null;
  const form: Form = {
    kindOf: ({ name }, length) => {
      if (name === 'UpdateParameters') return 'field';
      if (name !== 'UpdateFile') return 'dropped';
      size = length;
      return 'file';
    },
    field: (_name, text) => {
      only = parseUpdateParameters(text, service.partitions);
      if (push.begun) requireAllNamed(push.partitions, only);
    },
    file: (bytes) => push.take(bytes, { only, size }),
  };
  return push.run(async (signal) => {
    await readForm(exchange, form, { silence, signal });
    if (!push.begun) throw propertyProblem('PropertyMissing', 'UpdateFile');
  });
}

/**
 * Parameters after the file arrive when images may already be written: they must name all partitions whose images have
 * arrived.
 */
function requireAllNamed(written: readonly string[], only: readonly string[] | null): void {
  if (only === null || written.every((name) => only.includes(name))) return;
  throw propertyProblem(
    'PropertyValueConflict',
    'UpdateFile',
    ['Targets'],
    'Send UpdateParameters before UpdateFile if they name partitions: the file is written while it is received. It was not committed; send it again.',
  );
}

const wrongType = (): RedfishProblem =>
  new RedfishProblem(415, [base('HeaderInvalid', 'Content-Type')], null);
