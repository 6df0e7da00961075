import { FULL_LIST } from '../../core/bundle/image-name.js';
import { signedBy } from '../../core/bundle/members.js';
import type { Inspection } from './inspection.js';

/** Everything that a signature is there for, and what a bundle must have one for. */
export function namesToSign({ members, index, scheme, received }: Inspection): string[] {
  const names = new Set(['MANIFEST', 'publickey']);
  if (received.texts.has('BLOCKS')) names.add('BLOCKS');
  // With BLOCKS and pure Ed25519 the images have none of their own.
  const ofImages = !(index !== null && scheme !== null && scheme.hash === null);
  for (const { name, kind } of members) {
    if (kind === 'image' && ofImages) names.add(name);
    if (kind === 'signature') names.add(signedBy(name) ?? name);
  }
  names.delete(FULL_LIST);
  return [...names, FULL_LIST];
}
