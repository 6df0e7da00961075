import { SluiceError } from '../../errors.js';
import type { TrustPolicy } from '../../trust/contract.js';
import type { UpdateRequest } from '../service/update-request.js';
import { lengthOf } from './body.js';
import type { Exchange } from './exchange.js';

const POLICIES: readonly TrustPolicy[] = ['before-erase', 'before-commit', 'unsigned'];

/** Queries of /v1/update and /v1/check. */
const KNOWN = new Set(['only', 'trust', 'check', 'resume']);

/** Chosen by the sender: long enough not to be guessed. */
const RESUME_KEY = /^[A-Za-z0-9_-]{16,64}$/;

/**
 * What a request of /v1 asks for. Strict, as a misspelt `only` must not write the whole chip.
 * @throws SluiceError ERR_USAGE_REQUEST
 */
export function updateRequestOf({ request, query, from }: Exchange): UpdateRequest {
  for (const name of query.keys()) {
    if (!KNOWN.has(name))
      throw wrong(`there is no query ${name.slice(0, 40)}; there are ${[...KNOWN].join(', ')}`);
    if (query.getAll(name).length > 1) throw wrong(`${name} is given twice`);
  }
  const policy = policyNamed(query.get('trust'));
  const only = namesIn(query.get('only'));
  const resume = query.get('resume');
  if (resume !== null && !RESUME_KEY.test(resume)) {
    throw wrong('resume takes 16 to 64 letters and digits of your choice');
  }
  return { only, trust: policy, check: query.get('check'), size: lengthOf(request), resume, from };
}

/**
 * A trust policy by its name.
 * @throws SluiceError ERR_USAGE_REQUEST
 */
export function policyNamed(trust: string | null): TrustPolicy | null {
  const policy = trust === null ? null : POLICIES.find((known) => known === trust);
  if (policy === undefined) throw wrong(`trust takes ${POLICIES.join(', ')}`);
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
