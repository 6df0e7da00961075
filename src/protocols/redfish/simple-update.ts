import { Progress } from '../../core/update/report/progress.js';
import { openerOf, SCHEME_NAMES, schemeOf, type OpenUrl } from '../../host/node/sources/schemes.js';
import type { UpdateRequest } from '../../service/update-request.js';
import { beginUpdate } from '../../service/two-pass.js';
import type { Upload } from '../../service/upload.js';
import type { Exchange } from '../http/exchange.js';
import { readJsonObject, textOfValue, type JsonObject } from './json-body.js';
import { base, type BaseMessage } from './messages.js';
import type { RedfishOptions } from './options.js';
import { partitionsOf, requireApplyTime, type ProblemMaker } from './parameters.js';
import { SIMPLE_UPDATE } from './paths.js';
import { RedfishProblem } from './problem.js';
import type { Task, TaskList } from './tasks.js';
import type { CheckAnswer, UpdateResult } from '../../service/results.js';

const ACTION = 'UpdateService.SimpleUpdate';

/** Protocols for fetching a bundle. */
export const PROTOCOLS: readonly string[] = SCHEME_NAMES.map((name) => name.toUpperCase());

const PARAMETERS: ReadonlySet<string> = new Set([
  'ImageURI',
  'TransferProtocol',
  'Targets',
  'Username',
  'Password',
  '@Redfish.OperationApplyTime',
]);

const invalid = (key: BaseMessage, ...words: readonly string[]): RedfishProblem =>
  new RedfishProblem(400, [base(key, ...words)]);

const VALUES: ProblemMaker = {
  type: (name, value) => invalid('ActionParameterValueTypeError', textOfValue(value), name, ACTION),
  format: (name, value) => invalid('ActionParameterValueFormatError', textOfValue(value), name, ACTION),
  notInList: (name, value) => invalid('ActionParameterValueNotInList', textOfValue(value), name, ACTION),
};

/**
 * Begins to fetch a bundle (docs/redfish.md, Updates) and reads it once or twice: see beginUpdate.
 * @returns the task, as soon as the update holds the flash
 * @throws RedfishProblem, SluiceError ERR_BUSY_FLASH
 */
export async function simpleUpdate(
  options: RedfishOptions,
  tasks: TaskList,
  exchange: Exchange,
): Promise<Task> {
  const { service, silence, pullFrom } = options;
  const body = await readJsonObject(exchange, { silence });
  const url = urlOf(body, pullFrom);
  requireApplyTime(body['@Redfish.OperationApplyTime'], VALUES);
  const only = partitionsOf(body['Targets'], service.partitions, VALUES);
  const { from } = exchange;
  // One percentage spans the check and the update.
  const progress = new Progress(service.platform.now, 'write');
  const request: UpdateRequest = {
    only,
    trust: null,
    check: null,
    size: null,
    resume: null,
    from,
    progress,
  };
  const permit = (next: URL): boolean => isPermitted(next, pullFrom);
  const open = openerOf(schemeOf(url.href) as string) as OpenUrl;
  const source = await open(url.href, { permit });
  const run = await beginUpdate<UpdateResult, Upload<CheckAnswer>, Upload<UpdateResult>>(
    service,
    source,
    request,
  );
  // Without the password and the query: the query may contain a secret.
  const json = JSON.stringify({ ImageURI: `${url.origin}${url.pathname}` });
  const task = tasks.begin({ uri: SIMPLE_UPDATE, headers: [], json });
  const update = run({
    checking: (feed) => task.follow(feed as Upload),
    writing: (feed) => task.follow(feed as Upload),
  });
  void update
    .then(
      (result) => task.settle(result),
      (thrown: unknown) => task.fail(thrown),
    )
    .finally(() => source.close());
  return task;
}

/**
 * The URL of the bundle.
 * @throws RedfishProblem
 */
export function urlOf(body: JsonObject, pullFrom: readonly string[] | null): URL {
  for (const name of Object.keys(body)) {
    if (!PARAMETERS.has(name)) throw invalid('ActionParameterUnknown', ACTION, name);
  }
  for (const name of ['ImageURI', 'TransferProtocol', 'Username', 'Password']) {
    const value = body[name];
    // A password of the wrong type is still secret.
    if (value !== undefined && typeof value !== 'string') {
      throw VALUES.type(name, name === 'Password' ? '***' : value);
    }
  }
  const {
    ImageURI,
    TransferProtocol,
    Username = '',
    Password = '',
  } = body as Record<string, string | undefined>;
  if (ImageURI === undefined) throw invalid('ActionParameterMissing', ACTION, 'ImageURI');
  if (TransferProtocol !== undefined && !PROTOCOLS.includes(TransferProtocol)) {
    throw VALUES.notInList('TransferProtocol', TransferProtocol);
  }
  // TransferProtocol is for URIs without a scheme; a scheme takes precedence.
  const scheme = schemeOf(ImageURI);
  if (scheme === null && TransferProtocol === undefined) {
    throw invalid('ActionParameterMissing', ACTION, 'TransferProtocol');
  }
  const url = parsed(scheme === null ? `${TransferProtocol?.toLowerCase()}://${ImageURI}` : ImageURI);
  if (url === null) throw VALUES.format('ImageURI', ImageURI);
  if (openerOf(url.protocol.slice(0, -1)) === null) throw VALUES.notInList('ImageURI', `${url.protocol}//`);
  if (!isPermitted(url, pullFrom)) {
    const message = base('ActionParameterValueError', 'ImageURI', ACTION);
    const resolution = `This service is not configured to fetch from ${url.hostname}.`;
    throw new RedfishProblem(400, [{ ...message, Resolution: resolution }]);
  }
  if (Username !== '') url.username = encoded('Username', Username);
  if (Password !== '') url.password = encoded('Password', Password);
  return url;
}

/** @throws RedfishProblem for half of a surrogate pair, which JSON can contain and UTF-8 cannot */
function encoded(name: string, text: string): string {
  try {
    return encodeURIComponent(text);
  } catch {
    throw VALUES.format(name, name === 'Password' ? '***' : text);
  }
}

function isPermitted({ hostname }: URL, pullFrom: readonly string[] | null): boolean {
  if (pullFrom === null) return true;
  return pullFrom.some((host) => {
    const name = host.toLowerCase();
    return name.startsWith('*.') ? hostname.endsWith(name.slice(1)) : hostname === name;
  });
}

function parsed(text: string): URL | null {
  try {
    return new URL(text);
  } catch {
    return null;
  }
}
