/**
 * `npm run fuzz [-- NAME... --runs N --seed S]`: walks for each target, keeps what is worth it in corpus/, writes
 * results to bench/results/fuzz.json and fuzz.md, and ends with 1 when there was a finding.
 */
import { Coverage } from './coverage.js';
import { Corpus } from './corpus.js';
import { fuzz, type FuzzResult } from './engine.js';
import { record } from './record.js';
import { TARGETS } from './targets/index.js';

const CORPUS = 'test/proof/fuzz/corpus';

/** Runs whose coverage is looked at; there is hardly anything new after them. */
const COVERED = 10_000;

function optionsOf(words: readonly string[]): { names: string[]; runs: number; seed: number; keep: boolean } {
  const names: string[] = [];
  const numbers = { runs: 1_000_000, seed: 20_261_122 };
  let keep = true;
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === '--runs' || word === '--seed')
      numbers[word.slice(2) as 'runs' | 'seed'] = Number(words[++at]);
    else if (word === '--no-record') keep = false;
    else names.push(word);
  }
  return { names, ...numbers, keep };
}

const { names, runs, seed, keep } = optionsOf(process.argv.slice(2));
let failed = false;
const tell = (line: string): boolean => process.stdout.write(`${line}\n`);
for (const target of TARGETS.filter(({ name }) => names.length === 0 || names.includes(name))) {
  const corpus = new Corpus(CORPUS, target.name);
  const coverage = new Coverage((url) => url === import.meta.url);
  const inputs = corpus.load().map(({ bytes }) => bytes);
  const result: FuzzResult = await fuzz(target, {
    runs,
    seed,
    corpus: inputs,
    coverage,
    covered: Math.min(COVERED, runs / 10),
  });
  await target.close?.();
  for (const { input, what } of result.findings) {
    failed = true;
    tell(`${target.name}: ${what}\n  ${corpus.addFinding(input)}`);
  }
  const kept = keep ? corpus.add(result.corpus) : inputs.length;
  const rate = Math.round(result.runs / result.seconds);
  tell(
    `${target.name}: ${result.runs} runs in ${result.seconds.toFixed(1)} s (${rate}/s), seed ${seed}, corpus ${kept}, ` +
      `${result.blocks} blocks, ${result.findings.length} findings`,
  );
  if (keep) record(result, kept);
}
process.exit(failed ? 1 : 0);
