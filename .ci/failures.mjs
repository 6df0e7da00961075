// Tells again what failed in the logs of test runs (TAP), in a few lines: what shows a run to people often shows no more
// than its end. `node .ci/failures.mjs LOG...`
import { readFileSync } from 'node:fs';
import { argv, stdout } from 'node:process';

/** Lines in all; the steps that failed come behind them. */
const LINES = 90;
/** Lines of one failure, at most. */
const CONTEXT = 15;

const failures = argv.slice(2).flatMap((path) => {
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  return [...failuresOf(lines), ...endOf(lines)];
});
if (failures.length > 0) {
  const lines = [`== ${failures.length} failed:`];
  // Its name and where it is, and a fair share of the rest.
  const share = Math.min(CONTEXT, Math.max(0, Math.floor((LINES - 2) / failures.length) - 2));
  for (const { name, within, context } of failures) {
    lines.push(name);
    if (within.length > 0) lines.push(`  in: ${within.join(' < ')}`);
    lines.push(...context.slice(0, share));
  }
  const shown = lines.length > LINES ? [...lines.slice(0, LINES - 1), '(and more: see above)'] : lines;
  stdout.write(`${shown.join('\n')}\n`);
}

/** A runner that came to no total has crashed, or was stopped: its last words count. */
function endOf(lines) {
  if (lines.some((line) => line.startsWith('# { total: '))) return [];
  return [{ name: 'a run without a total, which ended with', within: [], context: lines.slice(-CONTEXT) }];
}

/** The failed tests that have no failed test within them; those around them come after them in a log. */
function failuresOf(lines) {
  const found = [];
  let open = [];
  for (const [at, line] of lines.entries()) {
    const [, blank, not, rest] = /^( *)(not )?ok \d+(.*)$/.exec(line) ?? [];
    if (blank === undefined) continue;
    const depth = blank.length;
    const within = open.filter((failure) => failure.depth > depth);
    open = open.filter((failure) => failure.depth <= depth);
    const todo = /# (todo|skip)\b/i.test(rest);
    if (not === undefined || todo) {
      // A test that is known to fail: what failed in it is no news.
      for (const failure of within) found.splice(found.indexOf(failure), 1);
      continue;
    }
    if (within.length === 0) {
      const failure = { name: line.trim(), within: [], depth, context: contextOf(lines, at + 1, depth) };
      found.push(failure);
      open.push(failure);
      continue;
    }
    const name = rest.replace(/^ - /, '').replace(/ # time=.*$/, '');
    for (const failure of within) failure.within.push(name);
    // All of them go on outwards from here.
    open.push(...within.map((failure) => Object.assign(failure, { depth })));
  }
  return found;
}

/** What stands under a failed test, but for its source: that is where the line numbers lead. */
function contextOf(lines, from, depth) {
  const context = [];
  let source = false;
  for (const line of lines.slice(from)) {
    const text = line.slice(depth);
    if (
      /^ *(not ok|ok|# Subtest:|1\.\.)/.test(line) ||
      /^ {0,2}\.\.\.$/.test(text) ||
      context.length >= CONTEXT
    )
      break;
    if (/^ {2}\w+:/.test(text)) source = text.startsWith('  source:');
    if (!source && !/^ *(---)?$/.test(text)) context.push(text);
  }
  return context;
}
