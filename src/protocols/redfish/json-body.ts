import { readSmallBody, type BodyOptions } from '../http/body.js';
import type { Exchange } from '../http/exchange.js';
import { problem } from './problem.js';

/** Nesting of objects and arrays. The documents of Redfish clients have three levels; deeper ones cost stack. */
const MAX_DEPTH = 32;

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

/**
 * Parses JSON. Refuses an object with two members of one name, because parsers differ in which of them they use, and more
 * than MAX_DEPTH levels.
 * @throws RedfishProblem MalformedJSON
 */
export function parseJson(text: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (isUnambiguous(text)) return value;
  } catch {
    // Refused below.
  }
  throw problem(400, 'MalformedJSON');
}

/** Whether each object of a JSON text has each name once, within MAX_DEPTH levels. */
function isUnambiguous(text: string): boolean {
  /** Names of each enclosing object; null for an array. */
  const open: (Set<string> | null)[] = [];
  for (const [token, name] of text.matchAll(/("(?:[^"\\]|\\.)*")\s*:|"(?:[^"\\]|\\.)*"|[{}[\]]/g)) {
    if (token === '{') open.push(new Set());
    else if (token === '[') open.push(null);
    else if (token === '}' || token === ']') open.pop();
    else if (name !== undefined) {
      // Decoded, because \u0054 is a T.
      const key = JSON.parse(name) as string;
      if (open.at(-1)?.has(key) === true) return false;
      open.at(-1)?.add(key);
    }
    if (open.length > MAX_DEPTH) return false;
  }
  return true;
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
