/**
 * MANIFEST, read as OpenBMC reads it (phosphor-bmc-code-mgmt bmc/version.cpp): a line counts when it starts
 * with exactly `key=`, the first such line wins, one carriage return at the end of a line is dropped, nothing
 * is trimmed and lines of other keys are ignored. Stricter than there: bytes that are no text are refused.
 *
 * @packageDocumentation
 */
import { fromLatin1, toLatin1 } from '../bytes.js';
import { SluiceError } from '../errors.js';
import { quote } from '../text.js';

/** MANIFEST as read (reference: phosphor-bmc-code-mgmt bmc/version.cpp). */
export interface Manifest {
  readonly purpose: string;
  readonly version: string;
  readonly machine: string | null;
  readonly hashType: string | null;
  readonly keyType: string | null;
  readonly extendedVersion: string | null;
}

/** Largest MANIFEST in bytes. OpenBMC's have a few hundred; a line for each compatible board makes a few thousand. */
export const MAX_MANIFEST = 65_536;

/** The keys that are read, in the order in which the OpenBMC build writes them. */
const KEYS = {
  purpose: 'purpose',
  version: 'version',
  extendedVersion: 'ExtendedVersion',
  keyType: 'KeyType',
  hashType: 'HashType',
  machine: 'MachineName',
} as const satisfies Record<keyof Manifest, string>;

const FIELDS = Object.keys(KEYS) as (keyof Manifest)[];

/** Control characters; none of them has business in a line of text. */
const CONTROL = /[\0-\x1f\x7f]/;

/** What a value that is shown and compared may hold. */
const PRINTABLE = /^[\x20-\x7e]*$/;

/**
 * Parses MANIFEST. A key with an empty value counts as missing, as upstream; `null` where it may be missing.
 *
 * @throws SluiceError ERR_BUNDLE_MANIFEST when it is above MAX_MANIFEST, has control characters, lacks version
 * or purpose, or when a value that matters is not printable ASCII
 */
export function parseManifest(bytes: Uint8Array): Manifest {
  if (bytes.length > MAX_MANIFEST) {
    throw fault(`it has ${bytes.length} bytes; at most ${MAX_MANIFEST} are allowed`);
  }
  const lines = toLatin1(bytes)
    .split('\n')
    .map((line) => (line.endsWith('\r') ? line.slice(0, -1) : line));
  const odd = lines.findIndex((line) => CONTROL.test(line));
  if (odd !== -1) throw fault(`line ${odd + 1} has a control character: ${quote(lines[odd] ?? '')}`);
  return {
    purpose: required(lines, KEYS.purpose),
    version: required(lines, KEYS.version),
    machine: valueOf(lines, KEYS.machine),
    hashType: valueOf(lines, KEYS.hashType),
    keyType: valueOf(lines, KEYS.keyType),
    extendedVersion: valueOf(lines, KEYS.extendedVersion),
  };
}

/**
 * MANIFEST with these values and no others, as the OpenBMC build would write it.
 * @throws SluiceError ERR_BUNDLE_MANIFEST for a value that could not be read back
 */
export function formatManifest(manifest: Manifest): Uint8Array {
  let text = '';
  for (const field of FIELDS) {
    const value = manifest[field];
    if (value === null) continue;
    if (value === '' || !PRINTABLE.test(value)) {
      throw fault(`${KEYS[field]} cannot be ${quote(value)}: printable ASCII only`);
    }
    text += `${KEYS[field]}=${value}\n`;
  }
  const bytes = fromLatin1(text);
  if (bytes.length > MAX_MANIFEST) throw fault(`it would have ${bytes.length} bytes`);
  return bytes;
}

function valueOf(lines: readonly string[], key: string): string | null {
  const line = lines.find((line) => line.startsWith(`${key}=`));
  const value = line?.slice(key.length + 1) ?? '';
  if (!PRINTABLE.test(value)) throw fault(`${key} is not printable ASCII: ${quote(value)}`);
  return value === '' ? null : value;
}

function required(lines: readonly string[], key: string): string {
  const value = valueOf(lines, key);
  if (value === null) throw fault(`it has no ${key}`);
  return value;
}

function fault(what: string): SluiceError {
  return new SluiceError('ERR_BUNDLE_MANIFEST', `MANIFEST cannot be used: ${what}`, { member: 'MANIFEST' });
}
