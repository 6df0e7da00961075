import { asSluiceError, SluiceError } from '../../core/errors.js';
import { checkImage, checkSameBundle, missingImages } from '../../core/trust/index-check.js';
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
  // In a truncated bundle a missing member and a cut-off member look the same.
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
  const names = new Set(members.map(({ name }) => name));
  return [
    ...faultOf(() => checkSameBundle(index, manifest)),
    ...images.flatMap((image) => faultOf(() => checkImage(index, image.name, image))),
    ...(readToEnd ? missingImages(index, names) : []),
  ];
}

function faultOf(check: () => void): SluiceError[] {
  try {
    check();
    return [];
  } catch (thrown) {
    return [asSluiceError(thrown)];
  }
}
