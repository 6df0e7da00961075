/**
 * Compares OpenBMC versions, which come from `git describe`.
 *
 * @packageDocumentation
 */

/** A parsed version. */
export interface Version {
  /** The numbers between the dots. */
  readonly numbers: readonly number[];
  /** 0 for -dev (the tag at the start of development of a release), 1 for -rcN, 2 for the release. */
  readonly stage: 0 | 1 | 2;
  /** The N of -rcN, else 0. */
  readonly candidate: number;
  /** Commits since the tag. */
  readonly commits: number;
}

/** Such as `v2.19.0-dev-123-gabcdef-dirty`. A number of more than 15 digits would not be exact. */
const VERSION =
  /^v?(\d{1,15}(?:\.\d{1,15}){0,7})(?:-(dev)|-rc(\d{1,9}))?(?:-(\d{1,9})-g[0-9a-f]{4,64})?(?:-dirty)?$/;

/** Parses a version; null if it cannot be compared. */
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
 * Below zero if `a` is older than `b`, above zero if newer, else zero. Missing numbers are 0. The commit hash and
 * `dirty` are ignored.
 */
export function compareVersions(a: Version, b: Version): number {
  const length = Math.max(a.numbers.length, b.numbers.length);
  for (let i = 0; i < length; i++) {
    const difference = (a.numbers[i] ?? 0) - (b.numbers[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.stage - b.stage || a.candidate - b.candidate || a.commits - b.commits;
}
