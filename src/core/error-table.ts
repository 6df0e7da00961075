/**
 * The table of errors: one row a code. Whatever classifies a failure asks a column of its row, and neither a list of
 * codes nor the beginning of one. docs/errors.md is made from this table.
 *
 * @packageDocumentation
 */

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

/** What a failure is about: what was asked for, the bundle on its way in, the flash, or the work of sluice itself. */
export type ErrorStage = 'usage' | 'trust' | 'source' | 'bundle' | 'flash' | 'busy' | 'session' | 'audit';

/**
 * Whether the same command or request can succeed, with nothing changed.
 * - `no`: fails the same way until something is changed
 * - `now`: may succeed at once
 * - `wait`: may succeed after a while; HTTP answers with Retry-After
 * - `resume`: the connection or the sender failed, not the bundle; an upload that can be resumed waits for the rest
 */
export type Retry = 'no' | 'now' | 'wait' | 'resume';

/** Messages of the Redfish Base registry that an error may be answered with. */
export type RedfishMessage =
  | 'InsufficientPrivilege'
  | 'InternalError'
  | 'MissingOrMalformedPart'
  | 'NoValidSession'
  | 'OperationTimeout'
  | 'PayloadTooLarge'
  | 'ResourceInUse'
  | 'ServiceTemporarilyUnavailable'
  | 'UnrecognizedRequestBody';

/** One row of the table. */
export interface ErrorRow {
  /** The exit code of a command that ends in this error. */
  readonly exit: number;
  readonly stage: ErrorStage;
  /** The HTTP status under /v1 (docs/http.md). */
  readonly http: number;
  /** The first message of an answer under /redfish; protocols/redfish/problem.ts has the status that goes with it. */
  readonly redfish: RedfishMessage;
  /** Whether the erase block is to blame: the operation is tried again, and may cost the block. */
  readonly wear: boolean;
  readonly retry: Retry;
  /** What happened, in general terms. */
  readonly meaning: string;
  /** What the reader should do next, at a command line. */
  readonly next: string;
  /** What to do next for the reader of an answer over HTTP or of the page: names no option of a command. */
  readonly nextRemote: string;
}

type Defaults = Pick<ErrorRow, 'exit' | 'http' | 'redfish'>;
type Exceptions = Partial<Omit<ErrorRow, 'meaning' | 'next' | 'stage'>>;

/** The next step for a client of a service, which sends a bundle instead of running a command. */
const forRemote = (next: string): string =>
  next.replace(
    /([Rr])un the (?:same )?command again/,
    (_, run) => `${run === 'R' ? 'Send' : 'send'} the bundle again`,
  );

const rows =
  (stage: ErrorStage, defaults: Defaults) =>
  (meaning: string, next: string, exceptions: Exceptions = {}): ErrorRow => ({
    stage,
    wear: false,
    retry: 'no',
    meaning,
    next,
    nextRemote: forRemote(next),
    ...defaults,
    ...exceptions,
  });

const ASKED = { exit: EXIT.usage, http: 400, redfish: 'InternalError' } as const;
const OWN = { exit: EXIT.usage, http: 500, redfish: 'InternalError' } as const;
const REFUSED = { exit: EXIT.refused, http: 422, redfish: 'MissingOrMalformedPart' } as const;
const MALFORMED = { exit: EXIT.source, http: 400, redfish: 'MissingOrMalformedPart' } as const;
const FAILED = { exit: EXIT.flash, http: 500, redfish: 'InternalError' } as const;
const UNAVAILABLE = { exit: EXIT.busy, http: 503, redfish: 'InternalError' } as const;
const STOPPED = { exit: EXIT.interrupted, http: 503, redfish: 'InternalError' } as const;

/** What was asked for is wrong. */
const usage = rows('usage', ASKED);
/** What the machine or the configuration has is wrong; a sender cannot change it. */
const setup = rows('usage', OWN);
const trust = rows('trust', REFUSED);
const source = rows('source', MALFORMED);
const bundle = rows('bundle', MALFORMED);
/** A bundle that is well formed, and does not fit this flash. */
const misfit = rows('bundle', REFUSED);
const flash = rows('flash', FAILED);
const busy = rows('busy', UNAVAILABLE);
const session = rows('session', FAILED);

const WORN = {
  wear: true,
  retry: 'now',
} as const;
const NOW = { retry: 'now' } as const;
const REPORT = 'Report it, with the receipt.';
const RUN_AGAIN = 'Run the same command again';
const SPACE = 'Check the free space and the permissions of';
const WORN_OUT = 'Run the command again. If the same block fails each time, the chip is worn out.';
const INSPECT = 'Look at the bundle with `sluice inspect`, then make it again.';
const INDEX_AGAIN = 'Make the index again with `sluice pack`.';
const DAMAGED = 'The bundle was damaged or altered in transit. Send it again.';
const TEMPORARY = 'ServiceTemporarilyUnavailable';
const TAMPERED = { ...OWN, exit: EXIT.refused };

/** The table. A code, once released, keeps its meaning and its exit code. */
export const ERRORS = {
  ERR_USAGE_OPTION: usage(
    'An option is unknown, is given twice, lacks its value or has a value that it does not take.',
    'Run the command with --help, which lists the options with examples.',
    { nextRemote: 'Correct the request; docs/http.md lists the queries and their values.' },
  ),
  ERR_USAGE_ARGUMENT: usage(
    'A command or an argument is unknown, missing or one too many.',
    'Run `sluice --help`, or the command with --help.',
    { nextRemote: 'Correct the request; docs/http.md lists the requests.' },
  ),
  ERR_USAGE_CONFIG: setup(
    'The configuration file cannot be read, or has a key or a value that sluice does not know.',
    'Fix the keys that the message names; it names all of them at once.',
  ),
  ERR_USAGE_PARTITION: usage(
    'The flash has no partition of this name.',
    'Choose from the partitions that the message lists.',
  ),
  ERR_USAGE_FLASH_ADDRESS: setup(
    'The flash address is not one of sim:PATH, mtd:, mtd:NAME, ubi:, ubi:NAME, block:PATH, block:NAME=PATH.',
    'Use one of these forms. To try sluice without hardware, create a chip with `sluice sim create PATH --layout quanta-q71l`.',
    { nextRemote: 'Fix the flash address in the configuration of the service.' },
  ),
  ERR_USAGE_LAYOUT: setup(
    'A flash layout is unknown, or its partitions overlap, extend beyond the chip, or do not start at erase blocks.',
    'Use a layout that `sluice sim create --help` lists, or fix the layout file.',
    { nextRemote: 'Fix the layout file on the machine of the service.' },
  ),
  ERR_USAGE_SIM: setup(
    'The description beside a simulated chip (PATH.json) is missing or malformed, or does not fit the chip.',
    'Name a chip that `sluice sim create` has made. If its description is damaged, create the chip again with --force.',
    { nextRemote: 'Create the simulated chip of the service again.' },
  ),
  ERR_USAGE_EXISTS: setup(
    'The file to be created exists already.',
    'Choose another name, or replace the file with --force (a simulated chip, together with its description).',
    { nextRemote: 'Choose another name.' },
  ),

  ERR_USAGE_KEY: setup(
    'A private key cannot be read, or does not belong to the public key in the bundle.',
    'Give the private key (PEM, not encrypted) that belongs to the publickey of the bundle.',
  ),
  ERR_USAGE_OUTPUT: setup(
    'The output file or folder, or the result on standard output, cannot be written.',
    'Check the path, its permissions and the free space. No incomplete file was left behind.',
  ),

  ERR_USAGE_STATE: setup(
    'The state (journal, audit log, receipts, credentials) cannot be created, read or written at its place, or the place is unsuitable.',
    'Give a place with --state that this user may write to; docs/state.md lists what is suitable.',
    { nextRemote: 'Check the state folder of the service: its permissions and its free space.' },
  ),
  ERR_USAGE_LISTEN: setup(
    'The service cannot listen on an address, or the configuration does not allow it to.',
    'Choose another address or port. An address beyond loopback needs TLS and credentials, unless the configuration allows the service to run without them.',
  ),
  ERR_USAGE_CREDENTIALS: setup(
    'The file of credentials, or a certificate or key for TLS, cannot be read or is malformed.',
    'Fix the file that the message names; docs/service.md shows its form.',
  ),
  ERR_USAGE_REQUEST: usage(
    'The service does not take this request.',
    'See docs/http.md, which lists the requests with examples.',
    { redfish: 'UnrecognizedRequestBody' },
  ),

  ERR_TRUST_NO_KEYS: trust(
    'There is no key to verify the bundle with.',
    'Point --keys at a directory of <KeyType>/publickey and <KeyType>/hashfunc, as in /etc/activationdata.',
    {
      nextRemote:
        'Configure the service with a directory of <KeyType>/publickey and <KeyType>/hashfunc, as in /etc/activationdata.',
    },
  ),
  ERR_TRUST_KEY: trust(
    'A public key cannot be read, is of an unknown kind, or is too weak.',
    'Use RSA of 2048 bits or more, ECDSA P-256 or P-384, or Ed25519, as PEM (SubjectPublicKeyInfo).',
  ),
  ERR_TRUST_HASH: trust(
    'A hash or signature scheme is unknown or is not accepted.',
    'Sign with SHA-256, SHA-384 or SHA-512; docs/formats.md lists the names.',
  ),
  ERR_TRUST_HASH_LATE: trust(
    'The hash type in MANIFEST comes after the images, and the keys on this board use another hash.',
    'Give the bundle as a file, which can be read twice, or put MANIFEST first with `sluice pack`.',
    { nextRemote: 'Put MANIFEST first with `sluice pack`, then send the bundle again.' },
  ),
  ERR_TRUST_SIGNATURE: trust(
    'A signature does not match what it signs.',
    'The bundle was damaged or altered, or was signed with another key. Get it again from its maker.',
  ),
  ERR_TRUST_SIGNATURE_MISSING: trust(
    'A required signature is missing or empty.',
    'Sign a bundle with `sluice pack --key PEM`, or a single image with `openssl dgst -sha256 -sign PEM` (--sig FILE). Otherwise get the bundle again from its maker.',
    { nextRemote: 'Sign the bundle, or get it again from its maker.' },
  ),
  ERR_TRUST_UNVOUCHED: trust(
    'The bundle has a member that no signature covers.',
    'Remove the member, or sign the bundle again with the member in it.',
  ),
  ERR_TRUST_PLACE: trust(
    'No signature says which partition an image is for: the bundle has no block index, and not the images of a whole board.',
    'Add a signed block index to the bundle: `sluice pack BUNDLE --key KEY --out PACKED`.',
    { nextRemote: 'Ask the maker of the bundle for one with a signed block index (sluice pack).' },
  ),
  ERR_TRUST_BLOCK: trust(
    'A block does not match its digest in the signed block index. Neither this block nor any block after it was written.',
    DAMAGED,
    NOW,
  ),
  ERR_TRUST_IMAGE: trust('An image does not have the digest that was signed.', DAMAGED, NOW),
  ERR_TRUST_NOT_AHEAD: trust(
    'The source can be read only once and has no block index before its images, so no block can be proven before its erase.',
    'Give the bundle as a file or a URL, add an index with `sluice pack`, or accept --trust before-commit.',
    { nextRemote: 'Check the bundle first (POST /v1/check), or add an index with `sluice pack`.' },
  ),
  ERR_TRUST_POLICY: trust(
    'The trust policy of the request is weaker than the service allows.',
    'Ask for a stricter policy, or change weakestTrust in the configuration of the service.',
  ),
  ERR_TRUST_INDEX: trust(
    'The block index does not agree with MANIFEST or with the images of the bundle.',
    INDEX_AGAIN,
  ),
  ERR_TRUST_MACHINE: trust(
    'The bundle is for another machine.',
    'Use the bundle of this machine. If sluice takes this machine for another one, name it with --machine NAME.',
    { nextRemote: 'Use the bundle of this machine.' },
  ),
  ERR_TRUST_MACHINE_UNKNOWN: trust(
    'The name of this machine, or of the machine that the bundle is for, is not known.',
    'Give --machine NAME, or --machine any if the machine does not matter.',
    {
      nextRemote:
        'Set the machine in the configuration of the service, or use a bundle that names its machine.',
    },
  ),
  ERR_TRUST_PURPOSE: trust(
    'The bundle is not meant for a BMC.',
    'Use a bundle whose MANIFEST has purpose=xyz.openbmc_project.Software.Version.VersionPurpose.BMC.',
  ),
  ERR_TRUST_VERSION: trust(
    'The bundle is older than the lowest version that is allowed here, or has no version that can be compared.',
    'Use a newer bundle, or lower the minimum version in the configuration.',
  ),
  ERR_TRUST_SECURITY_VERSION: trust(
    'The bundle has no security version, or one below the lowest that is allowed here.',
    'Use a newer bundle; the security version is in its BLOCKS member.',
  ),

  ERR_SOURCE_UNREADABLE: source(
    'The source cannot be opened or read.',
    'Check the path or URL and its permissions.',
  ),
  ERR_SOURCE_TRUNCATED: source('The source ended before the bundle did.', 'Send the whole bundle again.', {
    retry: 'resume',
  }),
  ERR_SOURCE_CHANGED: source(
    'The second reading of the source has other bytes than the first, which was checked.',
    'Make sure that nothing writes to the source, then run the command again.',
    {
      http: 409,
      retry: 'now',
      nextRemote: 'Send the bundle that was checked, or check this one first.',
    },
  ),
  ERR_SOURCE_SIZE: source(
    'The partition can only be written as a whole, and the size of its image is not known before the image comes.',
    'Give the image as a file, in a bundle or with a block index (--blocks).',
    { nextRemote: 'Send the image in a bundle.' },
  ),
  ERR_SOURCE_TRAILING: source(
    'There are bytes after the end of the bundle.',
    'Cut off the bytes after the bundle, or make the tarball again.',
  ),
  ERR_SOURCE_HTTP: source(
    'The server did not deliver the bundle: an error status, too many redirects, a time-out or a closed connection.',
    'Check the URL with curl, then run the command again.',
    { retry: 'now', nextRemote: 'Check the URL with curl, then send the request again.' },
  ),
  ERR_SOURCE_SERVICE: source(
    'The service cannot be reached, the connection to it was cut again and again, or another program answers at its address.',
    'Check the address with `sluice status URL`, then push again; unchanged blocks are not written again.',
    { retry: 'resume' },
  ),
  ERR_SOURCE_SILENT: source(
    'The sender sent nothing for too long.',
    'Send the bundle again; unchanged blocks are not written again.',
    { http: 408, redfish: 'OperationTimeout', retry: 'resume' },
  ),
  ERR_SOURCE_MULTIPART: source(
    'The multipart body is malformed, or lacks the part with the bundle.',
    'Send the bundle as `curl -F UpdateFile=@bundle.tar` does, or raw with `curl -T bundle.tar`.',
  ),
  ERR_SOURCE_FORMAT: source(
    'The source, or an image in it, is compressed, is an archive or is a web page.',
    'Decompress it first; only a tarball may be compressed, with gzip. For HTML check the URL: it may need a login.',
  ),
  ERR_SOURCE_GZIP: source(
    'The gzip stream is damaged, or its contents are larger than anything that fits the flash.',
    'Compress the tarball again, or send it uncompressed.',
  ),

  ERR_BUNDLE_TAR_HEADER: bundle(
    'A tar header has a wrong checksum or magic: the file is not a tarball, or is damaged.',
    'Check the file with `tar -tvf`. For a raw image give --partition NAME and --sig FILE.',
    { nextRemote: 'Check the file with `tar -tvf`.' },
  ),
  ERR_BUNDLE_TAR_NUMBER: bundle(
    'A number in a tar header is malformed, negative or too large.',
    'Make the tarball again with GNU tar.',
  ),
  ERR_BUNDLE_TAR_TYPE: bundle(
    'The tarball has a member that is not a plain file: a link, a device, a sparse file or a directory.',
    'Make the tarball again with `tar -h -c FILES`, plain files only.',
  ),
  ERR_BUNDLE_TAR_NAME: bundle(
    'The name of a member is absolute, is too long, or has a slash, `..` or characters that are not allowed.',
    'Make the tarball again in the folder of its files: `tar -C DIR -cf X.tar FILES`.',
  ),
  ERR_BUNDLE_TAR_DUPLICATE: bundle(
    'The bundle has the same member twice.',
    'Make the tarball again, each member once.',
  ),
  ERR_BUNDLE_TAR_LIMIT: bundle(
    'The tarball has more members, or larger headers, than any bundle needs.',
    'Make the tarball again with the members of the bundle only.',
  ),
  ERR_BUNDLE_TAR_PADDING: bundle(
    'The padding after a member is not zero.',
    'Make the tarball again with GNU tar. If the tarball was damaged in transit, send it again.',
  ),
  ERR_BUNDLE_MEMBER: bundle(
    'A member does not belong in a bundle.',
    'Remove the member. A bundle has MANIFEST, publickey, BLOCKS, image-* and their .sig members only.',
  ),
  ERR_BUNDLE_MEMBER_MISSING: bundle('The bundle lacks a required member.', INSPECT),
  ERR_BUNDLE_MEMBER_SIZE: bundle(
    'A member is empty, or larger than members of its kind are allowed to be.',
    INSPECT,
  ),
  ERR_BUNDLE_ORDER: bundle(
    'A member comes too late in the bundle to be used.',
    'Order the bundle with `sluice pack`: MANIFEST, publickey, BLOCKS and the signatures, then the images.',
  ),
  ERR_BUNDLE_MANIFEST: bundle(
    'MANIFEST cannot be read, or lacks a required line.',
    'Make the bundle again; docs/formats.md shows MANIFEST.',
  ),
  ERR_BUNDLE_BLOCKS: bundle(
    'The block index (BLOCKS) is malformed, or its counts do not match.',
    INDEX_AGAIN,
  ),
  ERR_BUNDLE_EMPTY: bundle(
    'The bundle has no image for the partitions of the request.',
    'Look at the bundle with `sluice inspect`, then change --only.',
    { nextRemote: 'Choose partitions that the bundle has an image for.' },
  ),
  ERR_BUNDLE_NO_PARTITION: misfit(
    'An image is for a partition that this flash does not have.',
    'Use the bundle of this board, or choose partitions with --only.',
    { nextRemote: 'Use the bundle of this board, or choose the partitions to write.' },
  ),
  ERR_BUNDLE_TOO_BIG: misfit(
    'An image is larger than its partition.',
    'Use the bundle of this flash layout.',
    { http: 507, redfish: 'PayloadTooLarge' },
  ),
  ERR_BUNDLE_LAYOUT: misfit(
    'An image of the whole chip cannot be split at the partitions of this flash, or overlaps another image.',
    'Write the image to the whole chip, or use a tarball with one image for each partition.',
  ),

  ERR_FLASH_NO_DEVICE: flash(
    'The flash device does not exist or cannot be opened.',
    'Check the address; the message lists what this machine has. Create a simulated chip with `sluice sim create`.',
    { nextRemote: 'Check the flash address in the configuration of the service.' },
  ),
  ERR_FLASH_UNSUPPORTED: flash(
    'This kind of flash needs the native addon node-mtd, which is not built for this machine or cannot be loaded.',
    'Build the addon with `npm run build:native` (a C compiler is enough). sim:PATH works without it.',
    { nextRemote: 'Build the addon with `npm run build:native` on the machine of the service.' },
  ),
  ERR_FLASH_AMBIGUOUS: flash(
    'Two partitions of this machine have the same name.',
    'Name the chip of the right partition (mtd:CHIP), or fix the device tree.',
  ),
  ERR_FLASH_READ_ONLY: flash(
    'The partition is write protected: by its flags, by the device, or by a lock that cannot be released.',
    'Check the device tree (read-only), the write-protect pin and `flash_unlock`.',
  ),
  ERR_FLASH_REPLACED: flash(
    'The flash under a name is not the one that was planned with: its number, size or erase block size has changed.',
    'Another program created or removed partitions meanwhile. Run the command again.',
    NOW,
  ),
  ERR_FLASH_GEOMETRY: flash(
    'The geometry of the flash is unusable: its size, erase block size and write size do not divide each other.',
    'Fix the partition table (device tree, mtdparts): partitions must start and end at erase blocks.',
  ),
  ERR_FLASH_RANGE: flash(
    'An operation was misaligned or outside the device. This is a bug in sluice.',
    REPORT,
  ),
  ERR_FLASH_OVERLAP: flash('Two operations ran at once on one device. This is a bug in sluice.', REPORT),
  ERR_FLASH_NOT_ERASED: flash(
    'A program operation tried to set bits without an erase. This is a bug in sluice.',
    REPORT,
  ),
  ERR_FLASH_CLOSED: flash('The device was used after it was closed. This is a bug in sluice.', REPORT),
  ERR_FLASH_READ: flash(
    'The flash could not be read.',
    'Run the command again. If the error stays, the chip is failing.',
    WORN,
  ),
  ERR_FLASH_ERASE: flash('A block could not be erased.', WORN_OUT, WORN),
  ERR_FLASH_PROGRAM: flash('A block could not be programmed.', WORN_OUT, WORN),
  ERR_FLASH_READ_BACK: flash(
    'A block reads back other bytes than were programmed, after all retries.',
    WORN_OUT,
    WORN,
  ),
  ERR_FLASH_BAD_BLOCKS: flash(
    'The partition has too few good blocks for its image.',
    'Replace the chip, or make the image smaller.',
    { http: 507 },
  ),
  ERR_FLASH_GATE: flash(
    'The first block of the partition went bad in the commit, after all other blocks were written. The partition is not bootable yet.',
    'Run the same update again: the block is marked bad, and the image is placed after it.',
    NOW,
  ),
  ERR_FLASH_CHANGED: flash(
    'A block was written and read back, and reads differently before the commit: another program writes to this flash, or its addressing is wrong.',
    'Find the other writer (mounts, daemons), then run the command again.',
  ),
  ERR_FLASH_SYNC: flash(
    'The written data could not be synchronized to the flash. The system does not report which blocks are lost, so no block is marked bad.',
    'Look for the device in the messages of the kernel (dmesg). If the flash is an image file, restart the machine. Then run the same command again.',
    NOW,
  ),
  ERR_FLASH_TIMEOUT: flash(
    'The flash or its controller did not answer in time. No block is blamed or marked bad.',
    `${RUN_AGAIN}. If the error stays, check the controller, its clock and the supply (dmesg).`,
    NOW,
  ),
  ERR_FLASH_SYSTEM: flash(
    'The system refused an operation on the flash for a reason other than the flash, such as a lack of memory.',
    'Fix what the message names, then run the same command again.',
  ),
  ERR_FLASH_POWER_CUT: flash(
    'The simulated chip lost its power, as its fault plan asked.',
    `${RUN_AGAIN} to finish the update.`,
    { ...STOPPED, retry: 'now' },
  ),

  ERR_BUSY_FLASH: busy(
    'The flash is in use by another sluice session or another program.',
    'Wait until the other session or program ends, then run the command again.',
    {
      redfish: TEMPORARY,
      retry: 'wait',
      nextRemote: 'Wait until the other session or program ends, then send the request again.',
    },
  ),
  ERR_BUSY_IN_USE: busy(
    'A partition to be written, or one that overlaps it, is mounted, attached to UBI or otherwise in use.',
    'Unmount or detach the partition, and end the programs that have it open. If it is mounted or attached and its readers can stand the change, name it with --force-mounted.',
    {
      redfish: 'ResourceInUse',
      nextRemote: 'Unmount or detach the partition, and end the programs that have it open.',
    },
  ),
  ERR_BUSY_CREDENTIALS: busy(
    'Credentials are missing or wrong.',
    'Give a token (`sluice push`: --token-file or $SLUICE_TOKEN), or name and password of a user with the right role.',
    {
      http: 401,
      redfish: 'NoValidSession',
      nextRemote: 'Send a token (Authorization: Bearer), or name and password of a user with the right role.',
    },
  ),
  ERR_BUSY_GUESSES: busy(
    'There were too many wrong passwords from this sender.',
    'Wait as long as Retry-After says. A token, or a password that was right a moment ago, is accepted meanwhile.',
    { http: 429, redfish: TEMPORARY, retry: 'wait' },
  ),
  ERR_BUSY_FORBIDDEN: busy(
    'The role of this sender does not allow the request, or a page of another site sent the request.',
    'Use the credentials of an Operator or Administrator, and a client or the page of the service itself.',
    { http: 403, redfish: 'InsufficientPrivilege' },
  ),
  ERR_BUSY_WATCHERS: busy(
    'Too many clients watch the events of the service already.',
    'Wait until one of them disconnects; GET /v1/status reports the state meanwhile.',
    { retry: 'wait' },
  ),
  ERR_BUSY_PERMISSION: busy(
    'The system denied permission.',
    'Run the command as a user with permission to write to the flash.',
    { nextRemote: 'Run the service as a user with permission to write to the flash.' },
  ),

  ERR_SESSION_CHECK: session(
    'The check of the request has expired, or never existed.',
    'Check the bundle again: POST /v1/check.',
    { ...MALFORMED, http: 404 },
  ),
  ERR_SESSION_UPLOAD: session(
    'The upload to be resumed is not waiting any more, or is at another offset.',
    'Start the upload again; unchanged blocks are not written again.',
    { ...MALFORMED, http: 409, retry: 'now' },
  ),
  ERR_SESSION_INTERRUPTED: session(
    'The update was interrupted between two flash operations.',
    `${RUN_AGAIN} to resume the update; unchanged blocks are not written again.`,
    {
      ...STOPPED,
      redfish: TEMPORARY,
      retry: 'now',
    },
  ),
  ERR_SESSION_JOURNAL: session(
    'The journal of the update cannot be read or written. No block was changed without a journal entry.',
    `${SPACE} its place, then run the same command again.`,
    {
      ...STOPPED,
      nextRemote: `${SPACE} the state folder of the service, then send the bundle again.`,
    },
  ),
  ERR_SESSION_STUCK: session(
    'The update was resumed many times without progress.',
    'Find what stops it (supply, wear, watchdog), then run the command with --resume-limit 0.',
    {
      nextRemote:
        'Find what stops it (supply, wear, watchdog), then set resumeLimit to 0 in the configuration of the service.',
    },
  ),
  ERR_SESSION_STATE: session(
    'The update session was used out of order. This is a bug in sluice or in the program that drives it.',
    'Report it.',
  ),
  ERR_SESSION_INTERNAL: session('An unexpected error happened inside sluice.', 'Report it.'),

  ERR_AUDIT_APPEND: rows('audit', OWN)(
    'The receipt could not be written to the audit log. The state of the flash is as the receipt says.',
    `${SPACE} the state folder. Keep the receipt that was printed, as the log does not have it.`,
    {
      nextRemote: `${SPACE} the state folder of the service. Keep the receipt, as the log does not have it.`,
    },
  ),
  ERR_AUDIT_BROKEN: rows('audit', TAMPERED)(
    'The audit log is damaged: a line was altered, is missing, or does not follow the line before.',
    'Keep the files of the log as they are, and find out which users and programs could write to the state folder.',
  ),
  ERR_AUDIT_HEAD: rows('audit', TAMPERED)(
    'The audit log does not have the line that was its last one when the head was recorded.',
    'Lines were removed or written again, or the line is too old to be kept. Compare the log with other heads that were recorded.',
  ),
} as const satisfies Readonly<Record<string, ErrorRow>>;

/** A code of the table. */
export type ErrorCode = keyof typeof ERRORS;
