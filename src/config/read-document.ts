import { readFileSync } from 'node:fs';
import { SluiceError, type ErrorCode } from '../core/errors.js';
import { systemFailure } from '../core/system-reason.js';
import { mistakesIn, type Shape } from './shape.js';

/**
 * Reads a JSON file and validates it.
 * @param code - code of the errors
 * @throws SluiceError with all mistakes at once
 */
export function readDocument<T>(path: string, shape: Shape<T>, code: ErrorCode): T {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw systemFailure(code, `cannot read ${path}`, cause);
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (cause) {
    throw new SluiceError(code, `cannot read ${path}: ${withLineAndColumn(text, (cause as Error).message)}`, {
      cause,
    });
  }
  const mistakes = mistakesIn(document, shape);
  if (mistakes.length === 0) return document as T;
  throw new SluiceError(code, `${path}: ${mistakes.join('; ')}`);
}

/** The message of the JSON parser with line and column in place of the position. */
function withLineAndColumn(text: string, message: string): string {
  const [all, position] = /(?: in JSON)? at position (\d+)(?: \(.*\))?$/.exec(message) ?? [];
  if (all === undefined) return message;
  const before = text.slice(0, Number(position)).split('\n');
  const column = (before.at(-1) as string).length + 1;
  return `${message.slice(0, -all.length)} at line ${before.length}, column ${column}`;
}
