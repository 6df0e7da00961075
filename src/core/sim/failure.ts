import { SluiceError, type ErrorCode } from '../errors.js';
import type { OperationKind } from './fault-plan.js';

/** The error code of a failed operation. */
export const FAILURE_CODES = {
  erase: 'ERR_FLASH_ERASE',
  program: 'ERR_FLASH_PROGRAM',
  read: 'ERR_FLASH_READ',
} as const satisfies Record<OperationKind, ErrorCode>;

/** Runs an access to the store of a chip. An I/O error of the store fails the operation of the chip. */
export function onStore(name: string, kind: OperationKind, block: number | undefined, act: () => void): void {
  try {
    act();
  } catch (thrown) {
    if (thrown instanceof SluiceError) throw thrown;
    const reason = thrown instanceof Error ? thrown.message : String(thrown);
    throw new SluiceError(FAILURE_CODES[kind], `${name}: ${reason}`, { block, cause: thrown });
  }
}
