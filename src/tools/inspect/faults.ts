import { equalDigests } from '../../core/bytes.js';
import { SluiceError } from '../../core/errors.js';
import type { KeyStore } from '../../core/trust/key-store.js';
import type { Inspection } from './inspection.js';
import type { SignatureFinding } from '../../core/trust/findings.js';

/** What is wrong with the bundle as a whole, beside what was wrong on reading it. */
export function faultsOf(
  found: Inspection,
  signatures: readonly SignatureFinding[],
  keys: KeyStore | null,
): SluiceError[] {
  const faults: SluiceError[] = [];
  // What was cut off cannot be told from what was never there.
  if (!found.problems.some(({ code }) => code === 'ERR_SOURCE_TRUNCATED'))
    faults.push(...missingParts(found));
  faults.push(...indexFaults(found));
  if (keys === null) return faults;
  for (const { of, state, why } of signatures) {
    if (state === 'valid') continue;
    const code = state === 'missing' ? 'ERR_TRUST_SIGNATURE_MISSING' : 'ERR_TRUST_SIGNATURE';
    faults.push(new SluiceError(code, `the signature of ${of} is ${state}: ${why}`, { member: of }));
  }
  return faults;
}

function missingParts({ members, images }: Inspection): SluiceError[] {
  const faults = ['MANIFEST', 'publickey']
    .filter((name) => !members.some((member) => member.name === name))
    .map((member) => new SluiceError('ERR_BUNDLE_MEMBER_MISSING', `there is no ${member}`, { member }));
  if (images.length === 0) faults.push(new SluiceError('ERR_BUNDLE_EMPTY', 'there is no image'));
  return faults;
}

function indexFaults({ index, manifest, images, members, readToEnd }: Inspection): SluiceError[] {
  if (index === null) return [];
  const faults: SluiceError[] = [];
  const fault = (code: 'ERR_TRUST_INDEX' | 'ERR_TRUST_IMAGE', message: string, member: string): void => {
    faults.push(new SluiceError(code, message, { member }));
  };
  if (manifest !== null && (manifest.machine !== index.machine || manifest.version !== index.version)) {
    fault('ERR_TRUST_INDEX', 'BLOCKS is for another machine or version than MANIFEST', 'BLOCKS');
  }
  for (const { name, size, digests } of images) {
    const entry = index.images.get(name);
    if (entry === undefined) fault('ERR_TRUST_INDEX', `${name} is not in BLOCKS`, name);
    else if (entry.size !== size || !equalDigests(entry.sha256, digests.sha256 as Uint8Array)) {
      fault('ERR_TRUST_IMAGE', `${name} is not the image that BLOCKS names`, name);
    }
  }
  for (const name of index.images.keys()) {
    if (!readToEnd || members.some((member) => member.name === name)) continue;
    fault('ERR_TRUST_INDEX', `${name} is in BLOCKS but not in the bundle`, name);
  }
  return faults;
}
