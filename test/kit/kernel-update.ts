import type { UpdateRequest } from '../../src/service/update-request.js';
import { makeBundle } from './bundle-maker.js';
import { noise } from './noise.js';
import { ERASE } from './update-kit.js';

/** Image of three erase blocks. */
export const kernel = noise(3 * ERASE, 5);

/** A signed bundle with `kernel` and a block index. */
export const { bytes: bundle } = makeBundle({ kind: 'proven', images: { kernel }, blockSize: ERASE });

/** Request for an update with `bundle`. */
export const request: UpdateRequest = {
  only: null,
  trust: null,
  check: null,
  size: bundle.length,
  resume: null,
  from: { via: 'test', peer: null, user: null },
};
