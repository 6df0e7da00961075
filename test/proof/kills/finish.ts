import type { Receipt } from '../../../src/core/update/report/receipt.js';
import { sluice } from './program.js';
import { withImages, type Site } from './site.js';
import { faultsAtEnd, seeJournal, type Wanted } from './verdict.js';
import { receiptOf } from './write-kills.js';

/** An update of the kernel alone: few operations, and each kind of them. */
export const kernelOf = (site: Site): Wanted => ({
  bundle: site.bundles.first,
  only: ['kernel'],
  policy: 'before-erase',
});

/** Arguments of `sluice write` for an update from a proven bundle. */
export function writeArgs(site: Site, { bundle, only, policy }: Wanted): string[] {
  const names = only === null ? [] : ['--only', only.join()];
  const words = ['write', bundle.proven, ...site.args, '--state', site.state, '--trust', policy];
  return [...words, ...names, '--json'];
}

export interface Finish {
  readonly faults: readonly string[];
  readonly receipt: Receipt | null;
}

/**
 * Runs the update to its end, with nothing in its way, and says what is wrong then.
 * @param slack - erases beyond what is not right
 */
export async function finish(site: Site, wanted: Wanted, slack = 1): Promise<Finish> {
  const journal = seeJournal(site);
  const before = site.bytes();
  const after = withImages(before, wanted.bundle, wanted.only);
  const args = writeArgs(site, wanted);
  let ended = await sluice(args);
  // A lock that was made and not written yet is taken for that of a program that is just starting, for 2 seconds.
  for (let left = 30; ended.code === 6 && /just starting/.test(ended.stdout) && left > 0; left--) {
    ended = await sluice(args);
  }
  const receipt = receiptOf(ended);
  if (ended.code !== 0 || receipt === null) {
    return { faults: [`the run behind ended with ${ended.code}: ${ended.stderr}${ended.stdout}`], receipt };
  }
  const attempt = journal === null ? 1 : journal.attempt + 1;
  const expected = { attempt, resumed: journal !== null, slack };
  return { faults: faultsAtEnd(site, before, after, wanted, receipt, expected), receipt };
}
