import { errnoOf, SluiceError, type ErrorCode } from './errors.js';

/**
 * Why a system call failed, in its own words: `no such file or directory` of Node's `ENOENT: no such file or
 * directory, open 'x'`, `address already in use` of `listen EADDRINUSE: address already in use 127.0.0.1:80`. The
 * message names path or address already.
 */
function systemReason(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message : String(thrown);
  return (
    /^(?:listen )?[A-Z][A-Z0-9]+: ([^,]+?)(?: \S*[:/]\S*)?(?:,|$)/.exec(text)?.[1] ?? errnoOf(thrown) ?? text
  );
}

/** What a system call has thrown, as an error of the table; an error of the table as it is. */
export function systemFailure(code: ErrorCode, what: string, cause: unknown): SluiceError {
  if (cause instanceof SluiceError) return cause;
  return new SluiceError(code, `${what}: ${systemReason(cause)}`, { cause });
}
