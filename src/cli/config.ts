import { readFileSync } from 'node:fs';
import { SluiceError } from '../errors.js';
import { systemReason } from '../ingress/system-reason.js';
import type { TrustPolicy } from '../trust/contract.js';
import { nearest } from './options.js';

/** The configuration file of `write` and `verify`; each key is the default of the option of that name. */
export interface Config {
  flash?: string;
  keys?: string;
  machine?: string;
  only?: string[];
  forceMounted?: string[];
  trust?: TrustPolicy;
  minimumVersion?: string;
  minimumSecurityVersion?: number;
}

/** The trust policies, by the names that --trust takes. */
export const POLICIES: readonly TrustPolicy[] = ['before-erase', 'before-commit', 'unsigned'];

const text = (value: unknown) => (typeof value === 'string' && value !== '' ? null : 'must be a text');
const names = (value: unknown) =>
  Array.isArray(value) && value.length > 0 && value.every((name) => typeof name === 'string' && name !== '')
    ? null
    : 'must be a list of names';
const count = (value: unknown) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? null : 'must be a whole number, 0 or more';

const policy = (value: unknown) =>
  POLICIES.some((known) => known === value) ? null : `must be one of ${POLICIES.join(', ')}`;

const KEYS: Record<keyof Config, (value: unknown) => string | null> = {
  flash: text,
  keys: text,
  machine: text,
  only: names,
  forceMounted: names,
  trust: policy,
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
    throw new SluiceError('ERR_USAGE_CONFIG', `cannot read ${path}: ${systemReason(cause)}`, { cause });
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
