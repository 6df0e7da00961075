// What text points to must be there: links and anchors of the Markdown pages, and every file of the repository that a
// page or a comment names, with all of its path or the end of it.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const TEXT = /\.(md|ts|mjs|cjs|c|h|sh|css|html|service|socket|conf|rules)$|^\.ci\/run$/;
/** Files of test input, and records of a run, which name the files of their day. */
const NOT_READ = /^(test\/fixtures|test\/proof\/fuzz\/corpus|bench\/results)\//;
/** A file by its name. */
const FILE = /(?<![\w./*{}$-])((?:[\w.-]+\/)*[\w-][\w.-]*\.(?:md|ts|mjs|cjs|sh))(?![\w/{-]|\.\w)/g;
/** A place in the repository, as pages name it. */
const PLACE = /`((?:src|test|docs|bench|native-shims|systemd|\.ci)\/[\w./-]*\w)\/?[`:]/g;
const LINK = /\]\(([^)\s]+)\)/g;
/** What stands for any name. */
const PLACEHOLDER = /NAME|PATH|NNN/;
/** In anything but a page, only comments cite. */
const COMMENT = /^\s*(\/\*|\*|\/\/)|\s\/\/ /;
const HASH_COMMENT = /^\s*#/;
const HASHED = /\.(sh|service|socket|conf|rules)$|^\.ci\/run$/;

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z']);
const paths = tracked
  .toString()
  .split('\0')
  .filter((path) => path !== '' && existsSync(path));
/** Every path, and every end of it that begins at a folder. */
const ends = new Set(
  paths.flatMap((path) => path.split('/').map((_, at, parts) => parts.slice(at).join('/'))),
);
const texts = paths.filter((path) => TEXT.test(path) && !NOT_READ.test(path));
const faults = [];

for (const path of texts) {
  const isPage = path.endsWith('.md');
  const comment = HASHED.test(path) ? HASH_COMMENT : COMMENT;
  for (const [index, line] of readFileSync(path, 'utf8').split('\n').entries()) {
    if (!isPage && !comment.test(line)) continue;
    const plain = line.replaceAll(LINK, ']');
    const named = [...plain.matchAll(FILE), ...(isPage ? plain.matchAll(PLACE) : [])].map(([, name]) => name);
    const problems = new Set(
      named.filter((name) => !isThere(path, name)).map((name) => `there is no ${name}`),
    );
    if (isPage) for (const [, target] of line.matchAll(LINK)) problems.add(problemOf(path, target));
    problems.delete(null);
    for (const problem of problems) faults.push(`${path}:${index + 1}: ${problem}`);
  }
}

/** Whether something of this name is there: seen from the file that names it, or from some folder. */
function isThere(path, name) {
  return (
    PLACEHOLDER.test(name) || ends.has(name) || existsSync(name) || existsSync(join(dirname(path), name))
  );
}

/** What is wrong with the target of a link; null when nothing is. */
function problemOf(path, target) {
  if (/^[a-z]+:/.test(target)) return null;
  const [file, anchor] = target.split('#');
  const page = file === '' ? path : normalize(join(dirname(path), file));
  if (!existsSync(page)) return `there is no ${page}`;
  if (anchor === undefined) return null;
  return headings(readFileSync(page, 'utf8')).includes(anchor) ? null : `${page} has no heading #${anchor}`;
}

/** The anchors of a page's headings, as hosts of repositories make them. */
function headings(text) {
  const outside = text.replaceAll(/^```.*?^```/gms, '');
  return [...outside.matchAll(/^#+ (.*)$/gm)].map(([, heading]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
      .replaceAll(' ', '-'),
  );
}

for (const fault of faults) console.error(fault);
console.log(`citations: ${texts.length} files, ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
