import { errnoOf, SluiceError, type ErrorCode } from '../errors.js';

/** What was asked of the system; a query is about counters and marks, not about what a block holds. */
export type Request = 'open' | 'query' | 'read' | 'erase' | 'program' | 'sync';

/** What an operation is called when the flash itself fails in it. */
const WORN = {
  read: 'ERR_FLASH_READ',
  erase: 'ERR_FLASH_ERASE',
  program: 'ERR_FLASH_PROGRAM',
} as const satisfies Record<Exclude<Request, 'open' | 'query' | 'sync'>, ErrorCode>;

/**
 * What drivers say when the chip did not do as it was told: a status bit, ECC. Anything else is not a property of the
 * block, and marking blocks bad for it would eat the chip.
 */
const OF_THE_FLASH = new Set(['EIO', 'EBADMSG', 'EUCLEAN', 'EREMOTEIO', 'EILSEQ']);

/** Errno that means the same whatever was asked. */
const ALWAYS: Readonly<Record<string, readonly [code: ErrorCode, what: string]>> = {
  ENODEV: ['ERR_FLASH_NO_DEVICE', 'the device is gone'],
  ENXIO: ['ERR_FLASH_NO_DEVICE', 'there is no device behind its node'],
  ENOENT: ['ERR_FLASH_NO_DEVICE', 'its node is not there'],
  EROFS: ['ERR_FLASH_READ_ONLY', 'it is write protected'],
  EACCES: ['ERR_BUSY_PERMISSION', 'permission denied'],
  EPERM: ['ERR_BUSY_PERMISSION', 'not permitted'],
  // A chip that is busy for too long, or a controller that has lost track: every block would fail in its turn.
  ETIMEDOUT: ['ERR_FLASH_TIMEOUT', 'the flash or its controller did not answer in time'],
  EBUSY: ['ERR_BUSY_FLASH', 'another program, or the kernel, is at it'],
  ETXTBSY: ['ERR_BUSY_IN_USE', 'it is swapped to'],
};

/** Errors of node-mtd that are no errno. */
const OWN: Readonly<Record<string, ErrorCode>> = {
  ERR_NO_ADDON: 'ERR_FLASH_UNSUPPORTED',
  ERR_REPLACED: 'ERR_FLASH_REPLACED',
  ERR_NOT_A_DEVICE: 'ERR_FLASH_NO_DEVICE',
};

/** Where it happened. */
export interface FailurePlace {
  readonly block?: number | undefined;
}

/**
 * What a driver throws for what a system call, or node-mtd, has thrown.
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
  // node-mtd's own codes begin as errno does not.
  const own = OWN[(thrown as { code?: unknown } | null)?.code as string];
  if (own !== undefined) return fail(own, reason);
  const [code, what] = ALWAYS[errno ?? ''] ?? [];
  if (code !== undefined) return fail(code, `${doing}: ${what} (${errno})`);
  // The kernel's answer behind the end: the device is shorter than it was when it was listed.
  if (errno === 'ENODATA' || (errno === 'ENOSPC' && request === 'program')) {
    return fail('ERR_FLASH_REPLACED', `${doing}: it ends before the size that it had (${errno})`);
  }
  if (request === 'sync' && OF_THE_FLASH.has(errno ?? '')) {
    return fail('ERR_FLASH_SYNC', `what was written could not be brought to it: ${reason}`);
  }
  if (request !== 'open' && request !== 'query' && request !== 'sync' && OF_THE_FLASH.has(errno ?? '')) {
    // The block is in the error: only the writer knows its number within the partition.
    return fail(WORN[request], `${request} failed, ${errno}`);
  }
  return fail('ERR_FLASH_SYSTEM', `${doing}: ${reason}`);
}

/**
 * The lock of a device could not be had. Sessions that read share it, so one that is refused to read meets a writer.
 * @param device - name for messages
 * @param write - whether it was to be written
 */
export function lockedBy(device: string, write: boolean): SluiceError {
  const how = write
    ? 'is locked by another program, which writes or verifies it'
    : 'is locked by another program, which writes it: what could be read now would mean nothing';
  return new SluiceError('ERR_BUSY_FLASH', `${device} ${how}`);
}
