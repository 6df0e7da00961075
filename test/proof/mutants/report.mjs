// Runs Stryker (arguments are its own, such as `--mutate src/core/trust/**`) and puts what it found on record:
// bench/results/mutants.json and mutants.md, with a sentence for each mutant that survives (explained.mjs).
// `--only-report` makes the record anew from the last run.
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { EXPLAINED } from './explained.mjs';

// Holds what earlier runs of other files have found, too.
const REPORT = process.env.SLUICE_MUTANTS_REPORT ?? 'node_modules/.cache/stryker/incremental.json';
const RESULTS = 'bench/results/mutants';

const args = process.argv.slice(2);
if (!args.includes('--only-report')) {
  const { status } = spawnSync('npx', ['stryker', 'run', ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}
if (!existsSync(REPORT)) throw new Error(`there is no ${REPORT}; run npm run test:mutants`);
const { files } = JSON.parse(readFileSync(REPORT, 'utf8'));

const rows = [];
const left = [];
for (const [name, { source, mutants }] of Object.entries(files).sort(([a], [b]) => (a < b ? -1 : 1))) {
  const lines = source.split('\n');
  const count = (...wanted) => mutants.filter(({ status }) => wanted.includes(status)).length;
  const [killed, timedOut] = [count('Killed'), count('Timeout')];
  const [survived, uncovered] = [count('Survived'), count('NoCoverage')];
  const mutated = killed + timedOut + survived + uncovered;
  if (mutated === 0) continue;
  rows.push({
    file: name,
    mutants: mutated,
    killed,
    timedOut,
    survived,
    uncovered,
    ignored: count('Ignored'),
  });
  for (const mutant of mutants) {
    if (mutant.status !== 'Survived' && mutant.status !== 'NoCoverage') continue;
    const { start, end } = mutant.location;
    const line = (lines[start.line - 1] ?? '').trim();
    const was =
      start.line === end.line ? lines[start.line - 1].slice(start.column - 1, end.column - 1) : line;
    const key = { file: name, line, mutator: mutant.mutatorName, replacement: mutant.replacement };
    left.push({ ...key, at: start.line, was, why: explain(key) });
  }
}

function explain({ file, line, replacement }) {
  const found = EXPLAINED.find(
    (each) =>
      file === each.file &&
      line.includes(each.line) &&
      (each.replacement === undefined || [each.replacement].flat().includes(replacement)),
  );
  return found?.why ?? null;
}

const sum = (list, key) => list.reduce((total, row) => total + row[key], 0);
const scoreOf = (list) => {
  const mutants = sum(list, 'mutants');
  return mutants === 0
    ? 0
    : Math.round(((sum(list, 'killed') + sum(list, 'timedOut')) / mutants) * 1000) / 10;
};
const folders = ['src/core/trust', 'src/core/update'].map((name) => ({
  name,
  rows: rows.filter(({ file }) => file.startsWith(`${name}/`)),
}));
const unexplained = left.filter(({ why }) => why === null);

const summary = folders.map(({ name, rows }) => ({
  name,
  mutants: sum(rows, 'mutants'),
  score: scoreOf(rows),
}));
const record = {
  machine: `${cpus().length} cores, Node ${process.versions.node}`,
  folders: summary,
  files: rows.map((row) => ({ ...row, score: scoreOf([row]) })),
  survivors: left,
};
writeFileSync(`${RESULTS}.json`, `${JSON.stringify(record, null, 2)}\n`);
writeFileSync(`${RESULTS}.md`, asMarkdown());
for (const { name, mutants, score } of summary)
  console.log(`${name}: ${mutants} mutants, ${score} % are seen`);
console.log(`${left.length} survive, ${unexplained.length} of them without an explanation`);
for (const { file, at, was, replacement } of unexplained)
  console.log(`${file}:${at}  ${was}  ->  ${replacement}`);
process.exit(
  unexplained.length === 0 && summary.every(({ score, mutants }) => mutants === 0 || score >= 90) ? 0 : 1,
);

function asMarkdown() {
  const cell = (text) => `\`${String(text).replaceAll(/\s+/g, ' ').replaceAll('|', '\\|').slice(0, 90)}\``;
  const table = rows.map(
    (row) =>
      `| ${row.file} | ${row.mutants} | ${row.killed} | ${row.timedOut} | ${row.survived} | ${row.uncovered} | ${scoreOf([row])} % |`,
  );
  const survivors = left.map(
    ({ file, at, was, replacement, why }) =>
      `| ${file}:${at} | ${cell(was)} | ${cell(replacement)} | ${why ?? '**not explained**'} |`,
  );
  return `# Mutants of trust/ and update/

Made by \`npm run test:mutants\` (docs/testing.md says how, and what is left out). A mutant is one small change of the
source; it is seen when a test fails or hangs. Lines are those of the run.

${folders.map(({ name, rows }) => `**${name}**: ${sum(rows, 'mutants')} mutants, ${scoreOf(rows)} % are seen.`).join('\n')}

| file | mutants | killed | hang | survive | no test | score |
|---|---|---|---|---|---|---|
${table.join('\n')}

## What survives

| where | was | mutant | why no test sees it |
|---|---|---|---|
${survivors.join('\n')}
`;
}
