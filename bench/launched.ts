/**
 * What is measured inside of a process, in a process that is started as the launcher starts the program, and kept small
 * as its loader does: the flags of V8 decide about its processor time. It is bundled by itself (run.mjs). Asked by a
 * line each, it answers with a line of JSON: what was found.
 */
import { createInterface } from 'node:readline';
import { keepCompilersOut } from '../src/cli/start/compilers.js';
import { BareWrites } from './bare-write.js';
import { measureStages } from './stages.js';

export type Job = 'write' | 'stages';

/** What the job `write` took. */
export interface Took {
  readonly seconds: number;
  readonly cpu: number;
}

/** @param words - a path for a bundle and the bytes of its image; a folder for what is measured */
function begin(job: Job, [place = '', size]: readonly string[]): () => Promise<unknown> {
  if (job === 'stages') return () => measureStages(place);
  const writes = new BareWrites(place, Number(size));
  return () => writes.once();
}

keepCompilersOut();
const [job, ...words] = process.argv.slice(2);
const work = begin(job as Job, words);
for await (const _ of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify(await work())}\n`);
}
