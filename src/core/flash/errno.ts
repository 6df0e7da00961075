import { errnoOf, SluiceError, type ErrorCode } from '../errors.js';

/** The kind of system call; a query reads counters and marks, not the content of a block. */
export type Request = 'open' | 'query' | 'read' | 'erase' | 'program' | 'sync';

/** The error code if the flash itself fails. */
const FAILURE_CODES = {
  read: 'ERR_FLASH_READ',
  erase: 'ERR_FLASH_ERASE',
  program: 'ERR_FLASH_PROGRAM',
} as const satisfies Record<Exclude<Request, 'open' | 'query' | 'sync'>, ErrorCode>;

/**
 * Errno of a chip that reports a failure, by a status bit or ECC. Any other errno says nothing about the block, and
 * must not mark it bad: one broken controller would mark the whole chip.
 */
const MEDIUM_ERRNO = new Set(['EIO', 'EBADMSG', 'EUCLEAN', 'EREMOTEIO', 'EILSEQ']);

/** Errno with the same meaning for every request. */
const ANY_REQUEST: Readonly<Record<string, readonly [code: ErrorCode, what: string]>> = {
  ENODEV: ['ERR_FLASH_NO_DEVICE', 'the device is gone'],
  ENXIO: ['ERR_FLASH_NO_DEVICE', 'the node has no device'],
  ENOENT: ['ERR_FLASH_NO_DEVICE', 'the node does not exist'],
  EROFS: ['ERR_FLASH_READ_ONLY', 'the device is write protected'],
  EACCES: ['ERR_BUSY_PERMISSION', 'permission denied'],
  EPERM: ['ERR_BUSY_PERMISSION', 'operation not permitted'],
  // A hung chip or controller: every block would fail.
  ETIMEDOUT: ['ERR_FLASH_TIMEOUT', 'the flash or its controller did not answer in time'],
  EBUSY: ['ERR_BUSY_FLASH', 'another process, or the kernel, uses the device'],
  ETXTBSY: ['ERR_BUSY_IN_USE', 'the device is used as swap space'],
};

/** Codes of node-mtd that are no errno. */
const NODE_MTD_CODES: Readonly<Record<string, ErrorCode>> = {
  ERR_NO_ADDON: 'ERR_FLASH_UNSUPPORTED',
  ERR_REPLACED: 'ERR_FLASH_REPLACED',
  ERR_NOT_A_DEVICE: 'ERR_FLASH_NO_DEVICE',
};

/** Where it happened. */
export interface FailurePlace {
  readonly block?: number | undefined;
}

/**
 * The error of a driver for an error of a system call or of node-mtd.
 * @param device - name for messages
 */
export function systemFailure(
  device: string,
  request: Request,
  thrown: unknown,
  { block }: FailurePlace = {},
): SluiceError {
  if (thrown instanceof SluiceError) return thrown;
  const errno = errnoOf(thrown);
  const reason = thrown instanceof Error ? thrown.message : String(thrown);
  const doing = block === undefined ? request : `${request} of block ${block}`;
  const fail = (code: ErrorCode, what: string): SluiceError =>
    new SluiceError(code, `${device}: ${what}`, { block, errno, cause: thrown });
  // The codes of node-mtd begin with ERR_, which no errno does.
  const own = NODE_MTD_CODES[(thrown as { code?: unknown } | null)?.code as string];
  if (own !== undefined) return fail(own, reason);
  const [code, what] = ANY_REQUEST[errno ?? ''] ?? [];
  if (code !== undefined) return fail(code, `${doing}: ${what} (${errno})`);
  // What the kernel returns after the end: the device has shrunk since it was listed.
  if (errno === 'ENODATA' || (errno === 'ENOSPC' && request === 'program')) {
    return fail('ERR_FLASH_REPLACED', `${doing}: the device is smaller than when it was opened (${errno})`);
  }
  if (request === 'sync' && MEDIUM_ERRNO.has(errno ?? '')) {
    return fail('ERR_FLASH_SYNC', `sync failed, written data may be lost: ${reason}`);
  }
  if (request !== 'open' && request !== 'query' && request !== 'sync' && MEDIUM_ERRNO.has(errno ?? '')) {
    // The block is in the error: only the writer knows its number within the partition.
    return fail(FAILURE_CODES[request], `${request} failed, ${errno}`);
  }
  return fail('ERR_FLASH_SYSTEM', `${doing}: ${reason}`);
}

/**
 * The error for a device that is locked. Readers share the lock, so a refused reader means that there is a writer.
 * @param device - name for messages
 * @param write - whether the lock was for writing
 */
export function lockedBy(device: string, write: boolean): SluiceError {
  const how = write
    ? 'is locked by another process that writes or verifies it'
    : 'is locked by another process that writes it, so its content would not be consistent';
  return new SluiceError('ERR_BUSY_FLASH', `${device} ${how}`);
}
