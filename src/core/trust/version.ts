/**
 * Compares versions of bundles: those that OpenBMC makes with `git describe`, and those of vendors, by the numbers in
 * them (docs/formats.md, Versions).
 *
 * @packageDocumentation
 */

/** A version that can be compared with others of its form. */
export interface Version {
  /** The text with `#` for each group of numbers: `fw-#-r#` for `fw-2.19.0-r3`. Without the tail of `git describe`. */
  readonly form: string;
  /** The groups, in order; of each the numbers between the dots. */
  readonly groups: readonly (readonly number[])[];
  /** 0 for -dev (the tag at the start of development of a release), 1 for -rcN, 2 for the release. */
  readonly stage: 0 | 1 | 2;
  /** The N of -rcN, else 0. */
  readonly candidate: number;
  /** Commits since the tag. */
  readonly commits: number;
}

/** What `git describe` puts behind a tag, and what OpenBMC puts at the end of a tag: `-dev-123-gabcdef-dirty`. */
const TAIL = /(?:-(dev)|-rc(\d{1,9}))?(?:(?:-(\d{1,9}))?-g[0-9a-f]{4,64})?(?:-dirty)?$/;

/** Numbers between dots. */
const GROUP = /\d+(?:\.\d+)*/g;

/** A name ahead of the first number, such as `acme-`. */
const NAME = /^[A-Za-z][A-Za-z_-]*(?=#)/;

/** Digits of a number; one of more would not be exact. */
const MAX_DIGITS = 15;
/** Numbers of a version; no vendor has so many. */
const MAX_NUMBERS = 8;
const MAX_LENGTH = 128;

/** Parses a version; null if it has no number, or is nothing that could be compared. */
export function parseVersion(text: string): Version | null {
  // Printable, and without the mark of a form.
  if (text.length > MAX_LENGTH || !/^[!"$-~]+$/.test(text)) return null;
  const [tail = '', dev, candidate, commits = '0'] = TAIL.exec(text) ?? [];
  const base = text.slice(0, text.length - tail.length).replace(/^v(?=\d)/, '');
  const groups = (base.match(GROUP) ?? []).map((group) => group.split('.'));
  const numbers = groups.flat();
  if (numbers.length === 0 || numbers.length > MAX_NUMBERS) return null;
  if (numbers.some((digits) => digits.length > MAX_DIGITS)) return null;
  return {
    form: base.replace(GROUP, '#'),
    groups: groups.map((group) => group.map(Number)),
    stage: dev !== undefined ? 0 : candidate !== undefined ? 1 : 2,
    candidate: Number(candidate ?? 0),
    commits: Number(commits),
  };
}

/**
 * Below zero if `a` is older than `b`, above zero if newer, else zero. Missing numbers of a group are 0. The commit hash
 * and `dirty` are ignored.
 * @returns null if the forms differ, so that nothing says which number to compare with which; a name ahead of the first
 *   number may be missing in one of them
 */
export function compareVersions(a: Version, b: Version): number | null {
  if (!isSameForm(a.form, b.form)) return null;
  for (const [at, group] of a.groups.entries()) {
    const other = b.groups[at] ?? [];
    for (let i = 0; i < Math.max(group.length, other.length); i++) {
      const difference = (group[i] ?? 0) - (other[i] ?? 0);
      if (difference !== 0) return difference;
    }
  }
  return a.stage - b.stage || a.candidate - b.candidate || a.commits - b.commits;
}

function isSameForm(a: string, b: string): boolean {
  return a === b || a.replace(NAME, '') === b || a === b.replace(NAME, '');
}
