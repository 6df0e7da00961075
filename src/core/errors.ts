/**
 * The only error that leaves sluice. Its code is the API: scripts, tests, the receipt, HTTP and D-Bus match on the code
 * and never on the text. The table of all codes is error-table.ts.
 *
 * @packageDocumentation
 */
import { ERRORS, type ErrorCode, type ErrorRow } from './error-table.js';

export { ERRORS, EXIT } from './error-table.js';
export type { ErrorCode, ErrorRow, ErrorStage, RedfishMessage, Retry } from './error-table.js';

/**
 * What the flash holds after a failure: nothing was changed; some of it was, by this session or by an earlier one that
 * was interrupted; or all of it is in place.
 */
export type FlashState = 'untouched' | 'partial' | 'complete';

/** Where and how an error happened, as far as it is known. */
export interface ErrorDetail {
  /** Partition that was being written, by name. */
  partition?: string | undefined;
  /** Erase block within the partition (or within the device, if no partition is named). */
  block?: number | undefined;
  /** Bundle member that the error is about. */
  member?: string | undefined;
  /** State of the flash after the error; null or left out as long as no session has established it. */
  flash?: FlashState | null | undefined;
  /** Name of the system error, such as `EIO`. */
  errno?: string | undefined;
  /** The error underneath. */
  cause?: unknown;
  /** Whether a service on another machine has reported it: then its next step is one for that service. */
  remote?: boolean | undefined;
}

/** `message` is one sentence about this very case; `code` is stable. Never changed after it was made. */
export class SluiceError extends Error {
  override readonly name = 'SluiceError';
  readonly code: ErrorCode;
  readonly partition: string | undefined;
  readonly block: number | undefined;
  readonly member: string | undefined;
  readonly errno: string | undefined;
  /** State of the flash after the error; null where no session has established it. */
  readonly flash: FlashState | null;
  readonly remote: boolean;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.partition = detail.partition;
    this.block = detail.block;
    this.member = detail.member;
    this.errno = detail.errno ?? errnoOf(detail.cause);
    this.flash = detail.flash ?? null;
    this.remote = detail.remote ?? false;
  }

  /** The row of its code, whose columns classify it. */
  get row(): ErrorRow {
    return ERRORS[this.code];
  }

  /** Exit code of a command that ends in this error. */
  get exit(): number {
    return this.row.exit;
  }

  /** What to do next, for somebody at a command line. */
  get next(): string {
    return this.remote ? this.nextRemote : this.row.next;
  }

  /** What to do next, for the reader of an answer over HTTP or of the page. */
  get nextRemote(): string {
    return this.row.nextRemote;
  }

  /** The same error with the state of the flash, as the session has established it. */
  withFlash(flash: FlashState): SluiceError {
    if (this.flash === flash) return this;
    const { code, message, partition, block, member, errno, cause, remote } = this;
    const error = new SluiceError(code, message, { partition, block, member, errno, cause, remote, flash });
    // The place where it happened says more than the place where the session ended.
    if (this.stack !== undefined) error.stack = this.stack;
    return error;
  }
}

/** The system error name (`ENOSPC`) that a thrown value carries, if it carries one. */
export function errnoOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** Any thrown value as a SluiceError; a foreign one becomes ERR_SESSION_INTERNAL and is kept as the cause. */
export function asSluiceError(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SluiceError('ERR_SESSION_INTERNAL', message, { cause: thrown });
}
