import { SluiceError, type ErrorCode } from '../errors.js';
import type { OperationKind } from './fault-plan.js';

/** What a failed operation is called. */
export const FAILURE = {
  erase: 'ERR_FLASH_ERASE',
  program: 'ERR_FLASH_PROGRAM',
  read: 'ERR_FLASH_READ',
} as const satisfies Record<OperationKind, ErrorCode>;

/** Runs what a chip does with its store: an I/O error there is a failure of the operation. */
export function guard(name: string, kind: OperationKind, block: number | undefined, act: () => void): void {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof SluiceError) throw thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError(FAILURE[kind], `${name}: ${reason}`, { block, cause: thrown });
  }
}
