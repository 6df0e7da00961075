import { asSluiceError, SluiceError } from '../../errors.js';

/**
 * What flash under a journal has thrown. The session ends, and the block that was to be recorded stays unchanged. The
 * simulated loss of power is not a failure of the journal.
 */
export function journalFailure(where: string, thrown: unknown): SluiceError {
  const error = asSluiceError(thrown);
  const { block } = error;
  if (error.code === 'ERR_FLASH_POWER_CUT' || error.code === 'ERR_SESSION_JOURNAL') return error;
  return new SluiceError(
    'ERR_SESSION_JOURNAL',
    `the journal in ${where}${block === undefined ? '' : `, erase block ${block}`}: ${error.message}`,
    {
      cause: thrown,
    },
  );
}
