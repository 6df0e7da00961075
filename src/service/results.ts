import type { SluiceError } from '../core/errors.js';
import type { CheckResult } from '../core/update/check/check-pass.js';
import type { Receipt } from '../core/update/report/receipt.js';

/** What comes of an update. */
export interface UpdateResult {
  readonly id: string;
  readonly receipt: Receipt;
  readonly error: SluiceError | null;
}

/** What comes of a check that proved its bundle. */
export interface CheckAnswer {
  /** To be named in a later update. */
  readonly check: string;
  readonly result: CheckResult;
}
