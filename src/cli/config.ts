import { readFileSync } from 'node:fs';
import { errnoOf, SluiceError } from '../errors.js';
import { nearest } from './options.js';

/** The configuration file of `write` and `verify`; each key is the default of the option of that name. */
export interface Config {
  flash?: string;
  keys?: string;
  machine?: string;
  only?: string[];
  trust?: string;
  minimumVersion?: string;
  minimumSecurityVersion?: number;
}

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? null : 'must be a text');
const names = (value: unknown) =>
  Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string' && name !== '')
    ? null
    : 'must be a list of names';
const count = (value: unknown) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? null : 'must be a whole number, 0 or more';

const KEYS: Record<keyof Config, (value: unknown) => string | null> = {
  flash: text,
  keys: text,
  machine: text,
  only: names,
  trust: text,
  minimumVersion: text,
  minimumSecurityVersion: count,
};

/**
 * Reads a configuration file.
 * @throws SluiceError ERR_USAGE_CONFIG with all mistakes at once
 */
export function readConfig(path: string): Config {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const why = errnoOf(cause) ?? (cause instanceof Error ? cause.message : String(cause));
    throw new SluiceError('ERR_USAGE_CONFIG', `cannot read ${path}: ${why}`, { cause });
  }
  const mistakes = mistakesIn(parsed);
  if (mistakes.length === 0) return parsed as Config;
  throw new SluiceError('ERR_USAGE_CONFIG', `${path}: ${mistakes.join('; ')}`);
}

function mistakesIn(parsed: unknown): string[] {
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) return ['must be one object'];
  return Object.entries(parsed).flatMap(([key, value]) => {
    if (!Object.hasOwn(KEYS, key)) {
      const near = nearest(key, Object.keys(KEYS));
      return [`there is no key "${key}"${near === null ? '' : `, did you mean "${near}"?`}`];
    }
    const mistake = KEYS[key as keyof Config](value);
    return mistake === null ? [] : [`"${key}" ${mistake}`];
  });
}
