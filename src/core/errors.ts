/**
 * Every error that sluice can end in, in one table. The codes are the API: scripts, tests, the receipt,
 * HTTP and D-Bus match on them and never on the text. docs/errors.md is made from this table.
 *
 * @packageDocumentation
 */

/**
 * What the flash holds after a failure: nothing was changed; some of it was, by this session or by an earlier one that
 * was broken off; or all of it is in place.
 */
export type FlashState = 'untouched' | 'partial' | 'complete';

/** Process exit codes (docs/cli.md). */
export const EXIT = {
  done: 0,
  usage: 2,
  refused: 3,
  source: 4,
  flash: 5,
  busy: 6,
  interrupted: 7,
} as const;

/** One row of the table. */
export interface ErrorRow {
  /** The exit code of a command that ends in this error. */
  readonly exit: number;
  /** What happened, in general terms. */
  readonly what: string;
  /** What the reader should do next. */
  readonly next: string;
}

const usage = (what: string, next: string): ErrorRow => ({ exit: EXIT.usage, what, next });
const refused = (what: string, next: string): ErrorRow => ({ exit: EXIT.refused, what, next });
const source = (what: string, next: string): ErrorRow => ({ exit: EXIT.source, what, next });
const flash = (what: string, next: string): ErrorRow => ({ exit: EXIT.flash, what, next });
const busy = (what: string, next: string): ErrorRow => ({ exit: EXIT.busy, what, next });
const interrupted = (what: string, next: string): ErrorRow => ({ exit: EXIT.interrupted, what, next });

/** The table. A code, once released, keeps its meaning and its exit code. */
export const ERRORS = {
  ERR_USAGE_OPTION: usage(
    'An option is unknown, is given twice, lacks its value or has a value that it does not take.',
    'Run the command with --help; it lists the options with examples.',
  ),
  ERR_USAGE_ARGUMENT: usage(
    'A command or an argument is unknown, missing or one too many.',
    'Run `sluice --help`, or the command with --help.',
  ),
  ERR_USAGE_CONFIG: usage(
    'The configuration file cannot be read, or says something that sluice does not know.',
    'Mend the places that the message names; all of them are named at once.',
  ),
  ERR_USAGE_PARTITION: usage(
    'A partition was asked for that this flash does not have.',
    'Choose from the partitions that the message lists.',
  ),
  ERR_USAGE_FLASH_ADDRESS: usage(
    'The flash address is not one of sim:PATH, mtd:, mtd:NAME, ubi:, ubi:NAME, block:PATH, block:NAME=PATH.',
    'Use one of these forms; to try it without hardware, make a chip with `sluice sim create PATH --layout quanta-q71l`.',
  ),
  ERR_USAGE_LAYOUT: usage(
    'A flash layout is unknown, or its partitions overlap, leave the chip or do not start at erase blocks.',
    'Use a layout that `sluice sim create --help` lists, or mend the layout file.',
  ),
  ERR_USAGE_SIM: usage(
    'The description beside a simulated chip (PATH.json) is missing or wrong, or does not fit the file.',
    'Name a chip that `sluice sim create` has made; one whose description is damaged is made anew with --force.',
  ),
  ERR_USAGE_EXISTS: usage(
    'The file that is to be made is there already.',
    'Choose another name, or say --force to replace it (a simulated chip, with its description beside it).',
  ),

  ERR_USAGE_KEY: usage(
    'A private key cannot be read, or is not the other half of the public key in the bundle.',
    'Give the private key (PEM, not encrypted) that belongs to the publickey of the bundle.',
  ),
  ERR_USAGE_OUTPUT: usage(
    'The file or folder that is to be made, or the result on standard output, cannot be written.',
    'Check the path, its permissions and the space that is left; no half-made file was left behind.',
  ),

  ERR_USAGE_STATE: usage(
    'The place of the state (journal, audit log, receipts, credentials) cannot be made, read or written, or is not fit for it.',
    'Give another one with --state, which this user may write to; docs/state.md tells what fits.',
  ),
  ERR_USAGE_LISTEN: usage(
    'An address cannot be listened on, or may not be as the configuration stands.',
    'Choose another address or port; beyond loopback it takes TLS and credentials, or the configuration must say that it shall do without.',
  ),
  ERR_USAGE_CREDENTIALS: usage(
    'The file of credentials, or a certificate or key for TLS, cannot be read or says something that sluice does not know.',
    'Mend the file that the message names; docs/service.md tells its form.',
  ),
  ERR_USAGE_REQUEST: usage(
    'A request to the service is not one that it takes.',
    'See docs/http.md, which lists the requests with examples.',
  ),

  ERR_TRUST_NO_KEYS: refused(
    'There is no key to check the bundle against.',
    'Point --keys at a directory of <KeyType>/publickey and <KeyType>/hashfunc, as in /etc/activationdata.',
  ),
  ERR_TRUST_KEY: refused(
    'A public key cannot be read, is of a kind that sluice does not know, or is too weak.',
    'Use RSA of 2048 bits or more, ECDSA P-256 or P-384, or Ed25519, as PEM (SubjectPublicKeyInfo).',
  ),
  ERR_TRUST_HASH: refused(
    'A hash or signature scheme is named that sluice does not know or does not accept.',
    'Sign with SHA-256, SHA-384 or SHA-512; docs/formats.md lists the names.',
  ),
  ERR_TRUST_HASH_LATE: refused(
    'The bundle names its hash after its images, and it is not one that the keys on this board use.',
    'Give it as a file, which can be read twice, or put MANIFEST first with `sluice pack`.',
  ),
  ERR_TRUST_SIGNATURE: refused(
    'A signature does not match what it signs.',
    'The bundle was damaged or altered, or was signed with another key. Get it again from its maker.',
  ),
  ERR_TRUST_SIGNATURE_MISSING: refused(
    'A signature that must be there is missing or empty.',
    'Sign a bundle with `sluice pack --key PEM`, a single image with `openssl dgst -sha256 -sign PEM` (--sig FILE); or get it again from its maker.',
  ),
  ERR_TRUST_UNVOUCHED: refused(
    'The bundle has a member that no signature vouches for.',
    'Remove the member, or sign the bundle again with it.',
  ),
  ERR_TRUST_BLOCK: refused(
    'A block is not the one that the signed block index names. It was not written, nor anything after it.',
    'The bundle was damaged or altered on its way. Send it again.',
  ),
  ERR_TRUST_IMAGE: refused(
    'An image as a whole does not have the digest that was signed.',
    'The bundle was damaged or altered on its way. Send it again.',
  ),
  ERR_TRUST_NOT_AHEAD: refused(
    'The source can be read only once and has no block index ahead of its images, so no block can be proven before it is erased.',
    'Give the bundle as a file or a URL, add an index with `sluice pack`, or accept --trust before-commit.',
  ),
  ERR_TRUST_POLICY: refused(
    'A weaker trust policy was asked for than the service is set up to take.',
    'Ask for a stricter one, or change weakestTrust in the configuration of the service.',
  ),
  ERR_TRUST_INDEX: refused(
    'The block index does not agree with MANIFEST or with the images of the bundle.',
    'Make the index again with `sluice pack`.',
  ),
  ERR_TRUST_MACHINE: refused(
    'The bundle is for another machine.',
    'Use the bundle of this machine; --machine NAME says which one this is.',
  ),
  ERR_TRUST_MACHINE_UNKNOWN: refused(
    'It is not known which machine this is, or which machine the bundle is for.',
    'Say --machine NAME, or --machine any if it does not matter.',
  ),
  ERR_TRUST_PURPOSE: refused(
    'The bundle is not meant for a BMC.',
    'Use a bundle whose MANIFEST has purpose=xyz.openbmc_project.Software.Version.VersionPurpose.BMC.',
  ),
  ERR_TRUST_VERSION: refused(
    'The bundle is older than the lowest version that is allowed here, or has no version that can be compared.',
    'Use a newer bundle, or lower the minimum version in the configuration.',
  ),
  ERR_TRUST_SECURITY_VERSION: refused(
    'The bundle has no security version, or one below the lowest that is allowed here.',
    'Use a newer bundle; the security version stands in its BLOCKS member.',
  ),

  ERR_SOURCE_UNREADABLE: source(
    'The source cannot be opened or read.',
    'Check the path or URL and its permissions.',
  ),
  ERR_SOURCE_TRUNCATED: source('The source ended before the bundle did.', 'Send it again, whole.'),
  ERR_SOURCE_CHANGED: source(
    'The second reading of the source gave other bytes than the one that was checked.',
    'Make sure that nothing writes to the source, then run it again.',
  ),
  ERR_SOURCE_SIZE: source(
    'How long the image is must be known before it comes, as its partition can only be written as a whole, and it is not.',
    'Give it as a file, in a bundle or with a block index (--blocks).',
  ),
  ERR_SOURCE_TRAILING: source(
    'There are bytes after the end of the bundle.',
    'Cut what follows the bundle, or make the tarball again.',
  ),
  ERR_SOURCE_HTTP: source(
    'The server did not give the bundle: an error status, too many redirects, a time-out or a closed connection.',
    'Check the URL with curl, then run it again.',
  ),
  ERR_SOURCE_SERVICE: source(
    'The service cannot be reached, the connection to it was cut again and again, or what answers is no sluice.',
    'Check its address with `sluice status URL`, then push again; blocks that are right already are not written again.',
  ),
  ERR_SOURCE_SILENT: source(
    'The sender sent nothing for too long.',
    'Send it again; blocks that are right already are not written again.',
  ),
  ERR_SOURCE_MULTIPART: source(
    'The multipart body is malformed, or lacks the part that has the bundle.',
    'Send it as `curl -F UpdateFile=@bundle.tar` does, or raw with `curl -T bundle.tar`.',
  ),
  ERR_SOURCE_GZIP: source(
    'The gzip stream is damaged, or grows beyond what could fit the flash.',
    'Compress the tarball again, or send it uncompressed.',
  ),

  ERR_BUNDLE_TAR_HEADER: source(
    'A tar header has a wrong checksum or magic: this is not a tarball, or it is damaged.',
    'Check it with `tar -tvf`; for a raw image say --partition NAME and --sig FILE.',
  ),
  ERR_BUNDLE_TAR_NUMBER: source(
    'A number in a tar header is malformed, negative or too large.',
    'Make the tarball again with GNU tar.',
  ),
  ERR_BUNDLE_TAR_TYPE: source(
    'The tarball holds something other than plain files: a link, a device, a sparse file or a directory.',
    'Make it again with `tar -h -c FILES`, plain files only.',
  ),
  ERR_BUNDLE_TAR_NAME: source(
    'A member has a name that is absolute, has a slash or `..`, is too long or has odd characters.',
    'Make the tarball again in the folder of its files: `tar -C DIR -cf X.tar FILES`.',
  ),
  ERR_BUNDLE_TAR_DUPLICATE: source('A member is there twice.', 'Make the tarball again, each member once.'),
  ERR_BUNDLE_TAR_LIMIT: source(
    'The tarball has more members, or larger headers, than any bundle needs.',
    'Make it again with the members of the bundle only.',
  ),
  ERR_BUNDLE_TAR_PADDING: source(
    'The filler behind a member is not zero.',
    'Make the tarball again with GNU tar; a damaged one must be sent again.',
  ),
  ERR_BUNDLE_MEMBER: source(
    'A member does not belong in a bundle.',
    'A bundle has MANIFEST, publickey, BLOCKS, image-* and their .sig members only.',
  ),
  ERR_BUNDLE_MEMBER_MISSING: source(
    'The bundle lacks a member that it must have.',
    'Look at it with `sluice inspect`; make it again.',
  ),
  ERR_BUNDLE_MEMBER_SIZE: source(
    'A member is empty, or larger than its kind may be.',
    'Look at it with `sluice inspect`; make it again.',
  ),
  ERR_BUNDLE_ORDER: source(
    'A member comes at a place where it can no longer be used.',
    'Order the bundle with `sluice pack`: MANIFEST, publickey, BLOCKS and the signatures, then the images.',
  ),
  ERR_BUNDLE_MANIFEST: source(
    'MANIFEST cannot be read, or lacks a line that it must have.',
    'Make the bundle again; docs/formats.md shows MANIFEST.',
  ),
  ERR_BUNDLE_BLOCKS: source(
    'The block index (BLOCKS) is not in its format, or its counts do not match.',
    'Make it again with `sluice pack`.',
  ),
  ERR_BUNDLE_EMPTY: source(
    'The bundle has no image for the partitions that were asked for.',
    'Look at it with `sluice inspect`; change --only.',
  ),
  ERR_BUNDLE_NO_PARTITION: refused(
    'An image is for a partition that this flash does not have.',
    'Use the bundle of this board, or choose partitions with --only.',
  ),
  ERR_BUNDLE_TOO_BIG: refused(
    'An image is larger than its partition.',
    'Use the bundle of this flash layout.',
  ),
  ERR_BUNDLE_LAYOUT: refused(
    'An image of the whole chip cannot be cut along the partitions of this flash, or lies over another image.',
    'Write it whole, or use a tarball with one image a partition.',
  ),

  ERR_FLASH_NO_DEVICE: flash(
    'The flash device does not exist or cannot be opened.',
    'Check the address: the message tells what this machine has; a simulated chip is made with `sluice sim create`.',
  ),
  ERR_FLASH_UNSUPPORTED: flash(
    'That kind of flash needs the native addon node-mtd, and it is not built for this machine, or cannot be loaded.',
    'Build it with `npm run build:native` (a C compiler is enough); sim:PATH works without it.',
  ),
  ERR_FLASH_AMBIGUOUS: flash(
    'Two partitions of this machine have the same name, and it cannot be known which one is meant.',
    'Name the chip that has the right one (mtd:CHIP), or mend the device tree.',
  ),
  ERR_FLASH_READ_ONLY: flash(
    'The partition is write protected: by its flags, by the device, or by a lock that cannot be lifted.',
    'Check the device tree (read-only), the write-protect pin and `flash_unlock`.',
  ),
  ERR_FLASH_REPLACED: flash(
    'The flash under a name is not the one that was planned with: its number, size or erase block changed meanwhile.',
    'Something made or removed partitions while sluice was running. Run it again.',
  ),
  ERR_FLASH_GEOMETRY: flash(
    'The geometry of the flash cannot be used: its size, erase block and write size do not divide each other.',
    'Mend the partition table (device tree, mtdparts): partitions must start and end at erase blocks.',
  ),
  ERR_FLASH_RANGE: flash(
    'An operation was misaligned or outside the device. This is a fault in sluice.',
    'Please report it with the receipt.',
  ),
  ERR_FLASH_OVERLAP: flash(
    'Two operations ran at once on one device. This is a fault in sluice.',
    'Please report it with the receipt.',
  ),
  ERR_FLASH_NOT_ERASED: flash(
    'A program would need to set bits that only an erase can set. This is a fault in sluice.',
    'Please report it with the receipt.',
  ),
  ERR_FLASH_CLOSED: flash(
    'The device was used after it was closed. This is a fault in sluice.',
    'Please report it with the receipt.',
  ),
  ERR_FLASH_READ: flash('The flash could not be read.', 'Run it again; if it stays, the chip is failing.'),
  ERR_FLASH_ERASE: flash(
    'A block could not be erased.',
    'Run it again; if the same block fails each time, the chip is worn out.',
  ),
  ERR_FLASH_PROGRAM: flash(
    'A block could not be programmed.',
    'Run it again; if the same block fails each time, the chip is worn out.',
  ),
  ERR_FLASH_READ_BACK: flash(
    'A block reads back other bytes than were programmed, after all retries.',
    'Run it again; if the same block fails each time, the chip is worn out.',
  ),
  ERR_FLASH_BAD_BLOCKS: flash(
    'The partition has too few good blocks for its image.',
    'The chip must be replaced, or the image made smaller.',
  ),
  ERR_FLASH_GATE: flash(
    'The first block of the partition went bad when it was written last; the partition is not bootable yet.',
    'Run the same update again: the block is marked bad and the image will be placed behind it.',
  ),
  ERR_FLASH_CHANGED: flash(
    'A block that was written and read back reads differently before commit: something else writes to this flash, or its addressing is wrong.',
    'Find the other writer (mounts, daemons), then run it again.',
  ),
  ERR_FLASH_SYNC: flash(
    'What was written could not be brought to the flash. The system does not tell which blocks are lost, so none is blamed.',
    'Look what the kernel says of the device (dmesg), and restart the machine if the flash is an image file; then run the same command again.',
  ),
  ERR_FLASH_TIMEOUT: flash(
    'The flash or its controller did not answer in time. No block is blamed for it, nor marked bad.',
    'Run the same command again; if it stays, look at the controller, its clock and the supply (dmesg).',
  ),
  ERR_FLASH_SYSTEM: flash(
    'The system refused an operation on the flash for a reason that is not the flash itself, such as a lack of memory.',
    'The message names the reason; mend that, then run the same command again.',
  ),
  ERR_FLASH_POWER_CUT: interrupted(
    'The simulated chip lost its power, as its fault plan asked.',
    'Run the same command again; it finishes the update.',
  ),

  ERR_BUSY_FLASH: busy(
    'Another session, one that writes or verifies, or another program has this flash.',
    'Wait until it ends, then run it again.',
  ),
  ERR_BUSY_IN_USE: busy(
    'A partition that is to be written, or one that covers it or lies in it, is mounted, attached to UBI or otherwise in use.',
    'Unmount or detach it, end the program that has it open; or, where it is mounted or attached and what reads it can stand the change, name it with --force-mounted.',
  ),
  ERR_BUSY_CREDENTIALS: busy(
    'Credentials are missing or wrong.',
    'Give a token (Authorization: Bearer; to `sluice push`: --token-file or $SLUICE_TOKEN) or name and password of a user who may do it.',
  ),
  ERR_BUSY_GUESSES: busy(
    'There were too many wrong passwords from this sender.',
    'Wait as long as Retry-After says; a token, or a password that was right a moment ago, is taken meanwhile.',
  ),
  ERR_BUSY_FORBIDDEN: busy(
    'The service does not let this sender do that: its role does not go as far, or a page of another site has sent it.',
    'Use the credentials of an Operator or Administrator, and a client or the page of the service itself.',
  ),
  ERR_BUSY_WATCHERS: busy(
    'As many watch the events of the service as it has room for.',
    'Wait until one of them goes; GET /v1/status tells how things stand meanwhile.',
  ),
  ERR_BUSY_PERMISSION: busy('Permission denied.', 'Run it as a user who may write to the flash.'),

  ERR_SESSION_CHECK: source(
    'The check that was named is not kept any more, or never was.',
    'Make it again: POST /v1/check.',
  ),
  ERR_SESSION_UPLOAD: source(
    'The upload that was to be gone on with is not waiting any more, or stands elsewhere.',
    'Begin it anew; blocks that are right already are not written again.',
  ),
  ERR_SESSION_INTERRUPTED: interrupted(
    'The update was stopped between two flash operations.',
    'It can be resumed: run the same command again; blocks that are already right are left alone.',
  ),
  ERR_SESSION_JOURNAL: interrupted(
    'The journal of the update cannot be read or written.',
    'See that its place has room and can be written, then run the same command again; no block was changed without its entry.',
  ),
  ERR_SESSION_STUCK: flash(
    'The update was resumed many times and came no further.',
    'Look for what stops it there (supply, wear, watchdog), then run it with --resume-limit 0.',
  ),
  ERR_SESSION_STATE: flash(
    'The update session was used out of order. This is a fault in sluice or in the program that drives it.',
    'Please report it.',
  ),
  ERR_SESSION_INTERNAL: flash('Something unforeseen went wrong inside sluice.', 'Please report it.'),

  ERR_AUDIT_APPEND: usage(
    'The receipt could not be written to the audit log. What the receipt says of the flash holds all the same.',
    'See that the state folder has room and can be written; keep the receipt that was printed, as the log does not have it.',
  ),
  ERR_AUDIT_BROKEN: refused(
    'The audit log is not whole: a line was altered, is missing, or does not follow the one before.',
    'Keep the files of the log as they are, and find out who could write to the state folder.',
  ),
  ERR_AUDIT_HEAD: refused(
    'The audit log does not have the line that it once ended with.',
    'Lines were removed or made anew, or the line is too old to be kept; compare with other heads that were kept.',
  ),
} as const satisfies Record<string, ErrorRow>;

/** A code of the table. */
export type ErrorCode = keyof typeof ERRORS;

/** Where and how an error happened, as far as it is known. */
export interface ErrorDetail {
  /** Partition that was being written, by name. */
  partition?: string | undefined;
  /** Erase block within the partition (or within the device, where no partition is named). */
  block?: number | undefined;
  /** Bundle member that the error is about. */
  member?: string | undefined;
  /** State of the flash after the error; the update session knows it and fills it in. */
  flash?: FlashState | undefined;
  /** Name of the system error, such as `EIO`. */
  errno?: string | undefined;
  /** The error underneath. */
  cause?: unknown;
}

/**
 * The only error class that leaves sluice. `message` is one sentence about this very case; `code` is stable.
 */
export class SluiceError extends Error {
  override readonly name = 'SluiceError';
  readonly code: ErrorCode;
  readonly partition: string | undefined;
  readonly block: number | undefined;
  readonly member: string | undefined;
  readonly errno: string | undefined;
  flash: FlashState;

  constructor(code: ErrorCode, message: string, detail: ErrorDetail = {}) {
    super(message, detail.cause === undefined ? undefined : { cause: detail.cause });
    this.code = code;
    this.partition = detail.partition;
    this.block = detail.block;
    this.member = detail.member;
    this.errno = detail.errno ?? errnoOf(detail.cause);
    this.flash = detail.flash ?? 'untouched';
  }

  /** Exit code of a command that ends in this error. */
  get exit(): number {
    return ERRORS[this.code].exit;
  }

  /** What to do next, from the table. */
  get next(): string {
    return ERRORS[this.code].next;
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
