/**
 * Comparing OpenBMC versions, which are what `git describe` made of its tags.
 *
 * @packageDocumentation
 */

/** A version that can be compared. */
export interface Version {
  /** The numbers between the dots. */
  readonly numbers: readonly number[];
  /** 0 for -dev (the tag that opens a release's development), 1 for -rcN, 2 for the release itself. */
  readonly stage: 0 | 1 | 2;
  /** The N of -rcN, else 0. */
  readonly candidate: number;
  /** Commits since the tag. */
  readonly commits: number;
}

/** `v2.19.0-dev-123-gabcdef-dirty`; a number of more than 15 digits would not be exact. */
const VERSION =
  /^v?(\d{1,15}(?:\.\d{1,15}){0,7})(?:-(dev)|-rc(\d{1,9}))?(?:-(\d{1,9})-g[0-9a-f]{4,64})?(?:-dirty)?$/;

/** The parts of a version, or null when it is not of a form that can be compared. */
export function parseVersion(text: string): Version | null {
  const match = VERSION.exec(text);
  if (match === null) return null;
  const [, numbers = '', dev, candidate, commits = '0'] = match;
  return {
    numbers: numbers.split('.').map(Number),
    stage: dev !== undefined ? 0 : candidate !== undefined ? 1 : 2,
    candidate: Number(candidate ?? 0),
    commits: Number(commits),
  };
}

/**
 * Below, at or above zero as `a` is older than, as old as or newer than `b`. Numbers that are missing are 0;
 * the commit's hash and `dirty` say nothing about age.
 */
export function compareVersions(a: Version, b: Version): number {
  const length = Math.max(a.numbers.length, b.numbers.length);
  for (let i = 0; i < length; i++) {
    const difference = (a.numbers[i] ?? 0) - (b.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.stage - b.stage || a.candidate - b.candidate || a.commits - b.commits;
}
