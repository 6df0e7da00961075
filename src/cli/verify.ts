import { asSluiceError, EXIT } from '../core/errors.js';
import { checkSource } from '../service/two-pass.js';
import type { CheckResult } from '../core/update/check/check-pass.js';
import type { Command } from './command.js';
import { openJob, requireImages, type Job } from './job.js';
import { JOB_OPTIONS } from '../config/job-options.js';
import { stdout } from './output.js';
import { printJson, table } from './print.js';
import { openProgress } from './progress.js';
import { stopSignal } from './stop-signal.js';
import type { Invocation } from '../config/invocation.js';

export const command: Command = {
  name: 'verify',
  usage: 'verify SOURCE [options]',
  summary: 'verify a bundle without writing; with --flash, show what would change',
  description: `Reads the whole source once, verifies every signature and digest, and writes nothing. With --flash it
also compares each block with the flash and prints how many would change, and how long the writing would take if
the timing of the chip is known.`,
  examples: [
    'sluice verify update.tar --keys keys --machine quanta-q71l',
    'sluice verify update.tar --flash sim:chip.bin --only kernel --json',
    'curl -sf https://host/update.tar | sluice verify - --machine any',
  ],
  options: { ...JOB_OPTIONS, quiet: { short: 'q', help: 'no output but the exit code' } },
  arity: [1, 1],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const quiet = invocation.has('quiet');
  const signal = stopSignal(quiet);
  const job = await openJob(invocation, false, signal);
  const progress = openProgress({ job, quiet, map: false, last: 'check' });
  let result: CheckResult | null;
  try {
    const { source, request, target, only } = job;
    const checking = (): void => progress.pass('checking', source.size);
    const reading = { checking, signal, stopAtIndex: false };
    result = await checkSource(job.jobs(progress), source, request, reading);
    if (result !== null && target === null) requireImages(result.index.images, only ?? []);
  } catch (thrown) {
    throw asSluiceError(thrown);
  } finally {
    progress.close();
    await job.close();
  }
  if (result === null) return EXIT.source;
  if (invocation.has('json')) printJson(documentOf(result, job));
  else if (!quiet) print(result, job);
  return 0;
}

/** The JSON document of a check; counts are in erase blocks. */
function documentOf(result: CheckResult, job: Job): object {
  const { identity, kind, index, proof } = result;
  return {
    outcome: job.policy === 'unsigned' ? 'unverified' : 'verified',
    bundle: { identity, kind, version: index.version || null, machine: index.machine || null },
    trust: { policy: job.policy, key: proof.key },
    images: [...index.images.values()].map(({ member, partition, size }) => ({ member, partition, size })),
    willChange: Object.fromEntries(
      result.forecasts.map((forecast) => [forecast.partition.name, forecast.summary]),
    ),
  };
}

function print(result: CheckResult, job: Job): void {
  const { identity, kind, index, proof, forecasts } = result;
  const out = (line: string) => stdout().write(`${line}\n`);
  const unsigned = job.policy === 'unsigned';
  const signature = unsigned ? 'SIGNATURE NOT VERIFIED (--trust unsigned)' : `key ${proof.key ?? '-'}`;
  out(
    `${unsigned ? 'unverified' : 'verified'}: ${kind} bundle, version ${index.version || '-'}, machine ${index.machine || '-'}, ${signature}`,
  );
  out(`  ${identity}`);
  const images = [...index.images.values()].map(({ member, size }) => [member, size]);
  for (const line of table([['image', 'bytes'], ...images])) out(`  ${line}`);
  if (forecasts.length === 0) return;
  out('changes of a write, in erase blocks:');
  const head = ['partition', 'blocks', 'unchanged', 'erase', 'program only', 'seconds'];
  const rows = forecasts.map((forecast) => [
    forecast.partition.name,
    forecast.blocks,
    forecast.unchanged,
    forecast.erases,
    forecast.programs,
    forecast.seconds?.toFixed(1) ?? 'unknown',
  ]);
  for (const line of table([head, ...rows])) out(`  ${line}`);
}
