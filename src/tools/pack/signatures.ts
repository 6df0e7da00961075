/**
 * The signatures of a bundle: those that are there are kept, the others are made or asked for.
 *
 * @packageDocumentation
 */
import { FULL_LIST } from '../../core/bundle/image-name.js';
import { createHash } from 'node:crypto';
import { FULL_ORDER, FULL_SIGNATURE, signatureOf } from '../../core/bundle/members.js';
import { toHex } from '../../core/bytes.js';
import { fullMessage } from '../../core/trust/full-signature.js';
import type { Scheme } from '../../core/trust/scheme.js';
import type { SigningKey } from './signing-key.js';
import type { Survey } from './survey.js';

/** Which key signs: that of the board, or the one whose public half is in the bundle. */
export type Role = 'system' | 'image';

/** A key at hand and how it signs; no key where signatures come from elsewhere. */
export interface Signer {
  readonly scheme: Scheme;
  readonly key: SigningKey | null;
}

/** Something that has no signature yet and no key at hand. */
export interface Unsigned {
  /** Member that is to be signed; `image-full` for the concatenation of the other signatures. */
  readonly member: string;
  readonly role: Role;
  readonly scheme: Scheme;
  /** Hex digest of it, by the scheme's hash, or SHA-256 where the bytes themselves are signed. */
  readonly digest: string;
  /** What is to be signed; null for an image. */
  readonly bytes: Uint8Array | null;
}

/** All signatures that could be had. */
export interface SignatureSet {
  /** By member name, such as `image-kernel.sig`. */
  readonly all: ReadonlyMap<string, Uint8Array>;
  /** Names of those that were made here. */
  readonly made: ReadonlySet<string>;
  /** What is still to be signed, in the order in which it can be. */
  readonly unsigned: readonly Unsigned[];
}

/**
 * Signs what is not signed yet.
 *
 * @param given - signatures that are there, from the bundle and from elsewhere
 * @param blocks - the text of BLOCKS
 * @throws SluiceError ERR_TRUST_HASH when a key cannot sign by its scheme
 */
export function completeSignatures(
  survey: Survey,
  given: ReadonlyMap<string, Uint8Array>,
  blocks: Uint8Array,
  signers: Readonly<Record<Role, Signer>>,
): SignatureSet {
  const all = new Map(given);
  const made = new Set<string>();
  const unsigned: Unsigned[] = [];

  const text = (member: string, role: Role, bytes: Uint8Array): void => {
    const name = signatureOf(member);
    const { key, scheme } = signers[role];
    if (all.has(name)) return;
    if (key === null) {
      const digest = createHash(scheme.hash ?? 'sha256')
        .update(bytes)
        .digest('hex');
      unsigned.push({ member, role, scheme, digest, bytes });
      return;
    }
    all.set(name, key.sign(scheme, bytes));
    made.add(name);
  };
  const image = (member: string): void => {
    const name = signatureOf(member);
    const { key, scheme } = signers.image;
    const entry = survey.images.get(member);
    // Pure Ed25519 cannot be checked while an image streams by: there BLOCKS alone vouches for the images.
    if (entry === undefined || all.has(name) || scheme.hash === null) return;
    if (key === null) {
      const digest = toHex(entry.digests[scheme.hash] as Uint8Array);
      unsigned.push({ member, role: 'image', scheme, digest, bytes: null });
      return;
    }
    all.set(name, key.signStreamed(scheme, entry.digests, entry.stream));
    made.add(name);
  };

  text('MANIFEST', 'system', survey.texts.get('MANIFEST') as Uint8Array);
  text('publickey', 'system', survey.texts.get('publickey') as Uint8Array);
  text('BLOCKS', 'image', blocks);
  for (const member of survey.images.keys()) image(member);
  // What image-full.sig signs is known when nothing that is in it is missing.
  if (!unsigned.some(({ member }) => FULL_ORDER.includes(member))) {
    text(FULL_LIST, 'image', fullMessage(byMember(all)));
  }
  return { all, made, unsigned };
}

/** The signatures by what they sign, as trust/ has them. */
function byMember(signatures: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  const suffix = signatureOf('').length;
  return new Map(
    [...signatures]
      .filter(([name]) => name !== FULL_SIGNATURE)
      .map(([name, bytes]) => [name.slice(0, -suffix), bytes]),
  );
}
