/**
 * The fuzzers, for a moment each: the inputs that are kept (every one that has once been a finding among them), and a
 * short walk from them. `npm run fuzz` walks as long as it is told to.
 */
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { Corpus } from './corpus.js';
import { fuzz, runOnce } from './engine.js';
import { TARGETS } from './targets/index.js';

const CORPUS = fileURLToPath(new URL('corpus', import.meta.url));

/** Each choice that a target makes at random should come about. */
const STATES = [1, 2, 3, 5, 8, 13];

/** A walk of one target; those that go through files or sockets get less. */
const RUNS = 300;
const SLOW: Readonly<Record<string, number>> = {
  config: 150,
  credentials: 150,
  http: 60,
  'http-client': 60,
  gzip: 400,
};

/** Another walk each time that it is asked for: SLUICE_FUZZ_SEED=5 */
const seed = Number(process.env['SLUICE_FUZZ_SEED'] ?? 20_261_122);

for (const target of TARGETS) {
  t.test(`${target.name}: what is kept, and a short walk from it, ends as it must`, async (t) => {
    const kept = new Corpus(CORPUS, target.name).load();
    for (const { name, bytes } of kept) {
      const states = name.startsWith('finding-') ? STATES : STATES.slice(0, 1);
      for (const state of states) await t.resolves(runOnce(target, bytes, state), name);
    }
    const corpus = kept.map(({ bytes }) => bytes);
    // A machine that runs other tests beside this one may be slow: only `npm run fuzz` measures time.
    const patient = { ...target, bound: 20 * (target.bound ?? 50) };
    const { findings, outcomes, runs } = await fuzz(patient, {
      runs: SLOW[target.name] ?? RUNS,
      seed,
      corpus,
    });
    await target.close?.();
    for (const { input, what } of findings) t.fail(`${what}: ${input.toString('base64')}`);
    t.comment(`${runs} runs: ${JSON.stringify(outcomes)}`);
    t.ok((outcomes['taken'] ?? 0) > 0, 'some are taken');
    t.ok(target.codes.length === 0 || Object.keys(outcomes).length > 1, 'some are refused');
  });
}
