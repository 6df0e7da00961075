import type { IncomingMessage } from 'node:http';
import { SluiceError } from '../../core/errors.js';
import { TRUST_POLICIES, type TrustPolicy } from '../../core/trust/trust.js';
import type { UpdateRequest } from '../../service/update-request.js';
import { lengthOf } from '../http/body.js';
import type { Exchange } from '../http/exchange.js';

/** Chosen by the sender: long enough not to be guessed. */
const RESUME_KEY = /^[A-Za-z0-9_-]{16,64}$/;

/** How a body may be encoded. DecodeChain sees the encoding by the bytes. */
const ENCODINGS: ReadonlySet<string> = new Set(['identity', 'gzip', 'x-gzip']);

/**
 * The queries of a request. Strict, as a misspelt `only` must not write the whole chip.
 * @throws SluiceError ERR_USAGE_REQUEST
 */
export function queriesOf(query: URLSearchParams, known: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of query) {
    if (!known.includes(name)) {
      throw wrong(`there is no query ${name.slice(0, 40)} here; there are ${known.join(', ')}`);
    }
    if (found.has(name)) throw wrong(`${name} is given twice`);
    found.set(name, value);
  }
  return found;
}

/**
 * What a request that brings a bundle asks for.
 * @param known - the queries that it may have
 * @throws SluiceError ERR_USAGE_REQUEST
 */
export function requestOf({ request, query, from }: Exchange, known: readonly string[]): UpdateRequest {
  const asked = queriesOf(query, known);
  const { 'content-encoding': encoding = 'identity' } = request.headers;
  if (!ENCODINGS.has(encoding.toLowerCase())) throw wrong('the body may be packed by gzip, or not at all');
  const policy = policyNamed(asked.get('trust') ?? null);
  const only = namesIn(asked.get('only') ?? null);
  const resume = asked.get('resume') ?? null;
  if (resume !== null && !RESUME_KEY.test(resume)) {
    throw wrong('resume takes 16 to 64 letters and digits of your choice');
  }
  return { only, trust: policy, check: asked.get('check') ?? null, size: lengthOf(request), resume, from };
}

/** Whether a sender does not want to wait until a bundle is written: `Prefer: respond-async` (RFC 7240). */
export function wantsNoWait({ headers }: IncomingMessage): boolean {
  return /(?:^|,)\s*respond-async\s*(?:$|[,;])/i.test(headers['prefer']?.toString() ?? '');
}

/**
 * A trust policy by its name.
 * @throws SluiceError ERR_USAGE_REQUEST
 */
export function policyNamed(trust: string | null): TrustPolicy | null {
  const policy = trust === null ? null : TRUST_POLICIES.find((known) => known === trust);
  if (policy === undefined) throw wrong(`trust takes ${TRUST_POLICIES.join(', ')}`);
  return policy;
}

/**
 * The partitions that `only` lists.
 * @throws SluiceError ERR_USAGE_REQUEST
 */
export function namesIn(only: string | null): readonly string[] | null {
  const names = only?.split(',') ?? null;
  if (names?.includes('') === true) throw wrong('only takes names with a comma between them: kernel,rofs');
  return names;
}

const wrong = (message: string): SluiceError => new SluiceError('ERR_USAGE_REQUEST', message);
