/**
 * The only error class of sluice. The code is the API: scripts, tests, the receipt, HTTP and D-Bus match on the code
 * and not on the text. error-table.ts lists all codes.
 *
 * @packageDocumentation
 */
import { ERRORS, type ErrorCode, type ErrorRow } from './error-table.js';
import { printable } from './text.js';

export { ERRORS, EXIT } from './error-table.js';
export type { ErrorCode, ErrorRow, ErrorStage, RedfishMessage, Retry } from './error-table.js';

/**
 * State of the flash after a failure: unchanged; changed in part, by this session or an earlier one that was
 * interrupted; or written completely.
 */
export type FlashState = 'untouched' | 'partial' | 'complete';

/** Where and how an error happened, as far as known. */
export interface ErrorDetail {
  /** Partition that was being written, by name. */
  partition?: string | undefined;
  /** Erase block within the partition (or within the device, if no partition is named). */
  block?: number | undefined;
  member?: string | undefined;
  /** State of the flash after the error; null or absent if no session has established it. */
  flash?: FlashState | null | undefined;
  /** Such as `EIO`. */
  errno?: string | undefined;
  cause?: unknown;
  /** Whether a service on another machine reported it: then the next step is for that service. */
  remote?: boolean | undefined;
}

/** `message` describes this case; `code` is stable. Immutable. */
export class SluiceError extends Error {
  override readonly name = 'SluiceError';
  readonly code: ErrorCode;
  readonly partition: string | undefined;
  readonly block: number | undefined;
  readonly member: string | undefined;
  readonly errno: string | undefined;
  /** State of the flash after the error; null if no session has established it. */
  readonly flash: FlashState | null;
  readonly remote: boolean;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    // A name from outside must not drive the terminal or forge a line of the log that shows the message.
    super(printable(message), detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.partition = detail.partition;
    this.block = detail.block;
    this.member = detail.member;
    this.errno = detail.errno ?? errnoOf(detail.cause);
    this.flash = detail.flash ?? null;
    this.remote = detail.remote ?? false;
  }

  /** The row of the error table. */
  get row(): ErrorRow {
    return ERRORS[this.code];
  }

  /** Exit code of a command that ends in this error. */
  get exit(): number {
    return this.row.exit;
  }

  /** What to do next at a command line. */
  get next(): string {
    return this.remote ? this.nextRemote : this.row.next;
  }

  /** What to do next for a client of HTTP or a reader of the page. */
  get nextRemote(): string {
    return this.row.nextRemote;
  }

  /** A copy of the error with the state of the flash. */
  withFlash(flash: FlashState): SluiceError {
    if (this.flash === flash) return this;
    const { code, message, partition, block, member, errno, cause, remote } = this;
    const error = new SluiceError(code, message, { partition, block, member, errno, cause, remote, flash });
    // Shows where the error happened, not where the session ended.
    if (this.stack !== undefined) error.stack = this.stack;
    return error;
  }
}

/** The system error name (`ENOSPC`) of a thrown value, if it has one. */
export function errnoOf(thrown: unknown): string | undefined {
  const code = (thrown as { code?: unknown } | null | undefined)?.code;
  return typeof code === 'string' && /^E[A-Z0-9]+$/.test(code) ? code : undefined;
}

/** Any thrown value as a SluiceError; any other value becomes the cause of an ERR_SESSION_INTERNAL. */
export function asSluiceError(thrown: unknown): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new SluiceError('ERR_SESSION_INTERNAL', message, { cause: thrown });
}
