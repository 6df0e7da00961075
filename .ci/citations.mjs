// What text points to must be there: links and anchors of the Markdown pages, paths of the repository that they name,
// and every page (NAME.md) that a comment names.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';

const TEXT = /\.(md|ts|mjs|cjs|c|h|sh|css|html|service|socket|conf|rules)$|^\.ci\/run$/;
/** Files of test input, and records of a run, which name the files of their day. */
const NOT_READ = /^(test\/fixtures|test\/fuzz\/corpus|bench\/results)\//;
const PATH = /`((?:src|test|docs|bench|native-shims|systemd|\.ci)\/[\w./-]*\w)[`:]/g;
/** A page by its name. */
const PAGE = /(?<![\w./-])((?:[\w-]+\/)*[\w-]+\.md)\b/g;
/** What stands for any name. */
const PLACEHOLDER = /NAME|PATH|NNN/;
/** In anything but a page, only comments cite. */
const COMMENT = /^\s*(\/\*|\*|\/\/|#)|\s\/\/ /;

const tracked = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard', '-z']);
const paths = tracked
  .toString()
  .split('\0')
  .filter((path) => TEXT.test(path) && existsSync(path));
const texts = new Map(
  paths.filter((path) => !NOT_READ.test(path)).map((path) => [path, readFileSync(path, 'utf8')]),
);
const faults = [];

for (const [path, text] of texts) {
  const lines = text.split('\n');
  for (const [index, line] of lines.entries()) {
    const fault = (what) => faults.push(`${path}:${index + 1}: ${what}`);
    if (!path.endsWith('.md') && !COMMENT.test(line)) continue;
    for (const [, page] of line.matchAll(PAGE))
      if (!PLACEHOLDER.test(page) && !isThere(path, page)) fault(`there is no page ${page}`);
    if (!path.endsWith('.md')) continue;
    for (const [, named] of line.matchAll(PATH))
      if (!PLACEHOLDER.test(named) && !isThere(path, named)) fault(`there is no ${named}`);
    for (const [, target] of line.matchAll(/\]\(([^)\s]+)\)/g)) {
      const problem = problemOf(path, target);
      if (problem !== null) fault(problem);
    }
  }
}

/** Whether a file is there: seen from the root, from the file that names it, or where pages are kept. */
function isThere(path, named) {
  return ['', dirname(path), 'docs', 'bench/results'].some((folder) => existsSync(join(folder, named)));
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
console.log(`citations: ${texts.size} files, ${faults.length} faults`);
process.exit(faults.length === 0 ? 0 : 1);
