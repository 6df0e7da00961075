import type { IncomingMessage } from 'node:http';
import { SluiceError } from '../../core/errors.js';
import { splitNames } from '../../core/text.js';
import { TRUST_POLICIES, type TrustPolicy } from '../../core/trust/trust.js';
import type { UpdateRequest } from '../../service/update-request.js';
import { lengthOf } from '../http/body.js';
import type { Exchange } from '../http/exchange.js';

/** Chosen by the client: long enough not to be guessed. */
const RESUME_KEY = /^[A-Za-z0-9_-]{16,64}$/;

/** Accepted encodings of a body. DecodeChain detects the encoding from the bytes. */
const ENCODINGS: ReadonlySet<string> = new Set(['identity', 'gzip', 'x-gzip']);

/**
 * The query parameters of a request. Unknown ones are refused: a misspelt `only` must not write the whole chip.
 * @throws SluiceError ERR_USAGE_REQUEST
 */
export function parametersOf(query: URLSearchParams, known: readonly string[]): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  for (const [name, value] of query) {
    if (!known.includes(name)) {
      throw wrong(`unknown query parameter ${name.slice(0, 40)}; this request has ${known.join(', ')}`);
    }
    if (found.has(name)) throw wrong(`query parameter ${name} is given twice`);
    found.set(name, value);
  }
  return found;
}

/**
 * The UpdateRequest of a request whose body is a bundle.
 * @param known - names of the query parameters that it may have
 * @throws SluiceError ERR_USAGE_REQUEST
 */
export function updateRequestOf({ request, query, from }: Exchange, known: readonly string[]): UpdateRequest {
  const parameters = parametersOf(query, known);
  const { 'content-encoding': encoding = 'identity' } = request.headers;
  if (!ENCODINGS.has(encoding.toLowerCase())) throw wrong('Content-Encoding is not gzip or identity');
  const policy = policyNamed(parameters.get('trust') ?? null);
  const only = namesIn(parameters.get('only') ?? null);
  const resume = parameters.get('resume') ?? null;
  if (resume !== null && !RESUME_KEY.test(resume)) {
    throw wrong('resume takes 16 to 64 letters, digits, "_" or "-"');
  }
  return {
    only,
    trust: policy,
    check: parameters.get('check') ?? null,
    size: lengthOf(request),
    resume,
    from,
  };
}

/** Whether the client does not wait until the bundle is written: `Prefer: respond-async` (RFC 7240). */
export function wantsNoWait({ headers }: IncomingMessage): boolean {
  return /(?:^|,)\s*respond-async\s*(?:$|[,;])/i.test(headers['prefer']?.toString() ?? '');
}

/**
 * Parses the name of a trust policy; null stays null.
 * @throws SluiceError ERR_USAGE_REQUEST
 */
export function policyNamed(trust: string | null): TrustPolicy | null {
  const policy = trust === null ? null : TRUST_POLICIES.find((known) => known === trust);
  if (policy === undefined)
    throw wrong(`unknown trust policy; the policies are ${TRUST_POLICIES.join(', ')}`);
  return policy;
}

/**
 * Parses a list of partitions.
 * @throws SluiceError ERR_USAGE_REQUEST
 */
export function namesIn(only: string | null): readonly string[] | null {
  const names = only === null ? null : splitNames(only);
  if (only !== null && names === null)
    throw wrong('only takes names separated by commas, such as kernel,rofs');
  return names;
}

const wrong = (message: string): SluiceError => new SluiceError('ERR_USAGE_REQUEST', message);
