import { readSmallBody, type BodyOptions } from '../http/body.js';
import type { Exchange } from '../http/exchange.js';
import { problem } from './problem.js';

/** Bytes of a JSON body. The longest is that of SimpleUpdate with a target for each partition. */
const MAX_BODY_BYTES = 8192;

export type JsonObject = Readonly<Record<string, unknown>>;

/**
 * Reads a body that must be a JSON object. Ignores the Content-Type, as bmcweb does.
 * @throws RedfishProblem, and as readBody
 */
export async function readJsonObject(
  { request, response }: Exchange,
  options: BodyOptions,
): Promise<JsonObject> {
  const { 'content-length': length = '0' } = request.headers;
  if (Number(length) > MAX_BODY_BYTES) throw problem(413, 'PayloadTooLarge');
  return parseObject((await readSmallBody(request, response, MAX_BODY_BYTES, options)).toString('utf8'));
}

/** @throws RedfishProblem MalformedJSON, for a member that is there twice too: readers differ in which one they take */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (!hasTwin(text)) return value;
  } catch {
    // as below
  }
  throw problem(400, 'MalformedJSON');
}

/** Whether an object in a text, which is JSON, has two members of one name. */
function hasTwin(text: string): boolean {
  /** Names of each object that is open; null for an array. */
  const open: (Set<string> | null)[] = [];
  for (const [token, name] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(null);
    else if (token === '}' || token === ']') open.pop();
    else if (name !== undefined) {
      // Decoded, as \u0054 is a T.
      const key = JSON.parse(name) as string;
      if (open.at(-1)?.has(key) === true) return true;
      open.at(-1)?.add(key);
    }
  }
  return false;
}

/** Whether a JSON value is an object and not an array. */
export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function parseObject(text: string): JsonObject {
  const value = parseJson(text);
  if (!isObject(value)) throw problem(400, 'UnrecognizedRequestBody');
  return value;
}

/** The text of a JSON value for a message. */
export const textOfValue = (value: unknown): string =>
  typeof value === 'string' ? value : JSON.stringify(value);
