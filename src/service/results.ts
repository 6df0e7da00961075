import type { SluiceError } from '../core/errors.js';
import type { CheckResult } from '../core/update/check/check-pass.js';
import type { Receipt } from '../core/update/report/receipt.js';

/** Result of an update. */
export interface UpdateResult {
  readonly id: string;
  readonly receipt: Receipt;
  readonly error: SluiceError | null;
}

/** Result of a successful check. */
export interface CheckAnswer {
  /** Id for a later update: see UpdateRequest.check. */
  readonly check: string;
  readonly result: CheckResult;
}
