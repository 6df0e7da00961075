import { SluiceError } from '../../errors.js';

/** Bounds on what a tarball may ask of its reader. Sizes in bytes. */
export interface TarLimits {
  /** Entries: members, global pax headers and entries of folders. */
  readonly members: number;
  /** Length of a member name, after a leading `./` is stripped. */
  readonly name: number;
  /** Body of one pax header or GNU long name, the only ones that are kept in memory. */
  readonly extension: number;
  /** Size of one member. */
  readonly memberSize: number;
  /** Zeros after the end-of-archive marker. */
  readonly trailing: number;
}

/** The limits of a TarReader that is given no others. */
export const TAR_LIMITS: TarLimits = {
  // The fullest stock tarball has 15 members, BLOCKS and its signature make 17; room for boards with many images.
  members: 64,
  // What the name field of a plain header holds; the longest name in use has 20 characters.
  name: 100,
  // GNU tar's pax headers have about 90 bytes, bsdtar's with ACLs and extended attributes up to a few hundred.
  extension: 4096,
  // No chip here comes near; it is where octal sizes end, so that plain headers can say every size but this.
  memberSize: 2 ** 33,
  // GNU tar pads to records of 10 KiB, and its largest record in use (-b 2048) has 1 MiB.
  trailing: 2 ** 20,
};

/**
 * `limits` with the defaults filled in.
 * @throws SluiceError ERR_USAGE_OPTION when one is not a whole number from 0 to 2^53 - 1
 */
export function tarLimits(limits: Partial<TarLimits> = {}): TarLimits {
  const whole = {
    members: limits.members ?? TAR_LIMITS.members,
    name: limits.name ?? TAR_LIMITS.name,
    extension: limits.extension ?? TAR_LIMITS.extension,
    memberSize: limits.memberSize ?? TAR_LIMITS.memberSize,
    trailing: limits.trailing ?? TAR_LIMITS.trailing,
  };
  for (const [name, value] of Object.entries(whole)) {
    if (!Number.isSafeInteger(value) || value < 0) {
      throw new SluiceError(
        'ERR_USAGE_OPTION',
        `the tar limit ${name} is not a whole number: ${String(value)}`,
      );
    }
  }
  return whole;
}
