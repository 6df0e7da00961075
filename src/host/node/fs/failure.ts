import { asSluiceError, errnoOf, SluiceError, type ErrorCode } from '../../../core/errors.js';

/** Why a call of the system failed, in its own words and without the path, which the message names already. */
export function reasonOf(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return /^[A-Z][A-Z0-9]+: ([^,]+)/.exec(text)?.[1] ?? errnoOf(thrown) ?? text;
}

/** What a system call around a place of the state has thrown, as an error of the table. */
export function stateFailure(code: ErrorCode, what: string, cause: unknown): SluiceError {
  if (cause instanceof SluiceError) return cause;
  return new SluiceError(code, `${what}: ${reasonOf(cause)}`, { cause });
}

/**
 * What flash under a journal has thrown: the session ends, and the block that was to be told of stays as it is. The
 * simulated loss of power is none of the journal's failures.
 */
export function journalFailure(where: string, thrown: unknown): SluiceError {
  const error = asSluiceError(thrown);
  if (error.code === 'ERR_FLASH_POWER_CUT' || error.code === 'ERR_SESSION_JOURNAL') return error;
  return new SluiceError('ERR_SESSION_JOURNAL', `the journal in ${where}: ${error.message}`, {
    cause: thrown,
  });
}
