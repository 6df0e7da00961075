import { asSluiceError, type SluiceError } from '../core/errors.js';
import type { Receipt } from '../core/update/report/receipt.js';
import type { LocalResult } from '../service/local-jobs.js';
import { beginUpdate } from '../service/two-pass.js';
import type { Command } from './command.js';
import { openJob, type Job } from './job.js';
import { JOB_OPTIONS } from '../config/job-options.js';
import { note, printOutcome } from './print.js';
import { openProgress, type Progress } from './progress.js';
import { stopSignal } from './stop-signal.js';
import type { Invocation } from '../config/invocation.js';
import { STATE_OPTIONS } from '../config/state-options.js';

export const command: Command = {
  name: 'write',
  usage: 'write SOURCE --flash ADDRESS [options]',
  summary: 'write an update to flash; each block is verified before the erase',
  description: `SOURCE is a path, an http or https URL, or - for standard input: an OpenBMC update tarball (gzip is fine),
or with --partition a bare image. Unchanged blocks are not written, so the same command finishes the
update after a power cut or an interrupt. A small journal records which block is being written (--state).

A tarball without a block index is read twice from a path or a URL: once to verify it, once to write it. From
a pipe, a tarball needs an index (\`sluice pack\`) or --trust before-commit.`,
  examples: [
    'sluice write update.tar --flash sim:chip.bin --keys keys --machine quanta-q71l',
    'sluice write update.tar --flash sim:chip.bin --only kernel',
    'curl -sf https://host/update.tar | sluice write - --flash sim:chip.bin --trust before-commit',
    'sluice write update.tar --flash sim:chip.bin --keys keys --machine quanta-q71l --state state',
    'sluice write kernel.bin --partition kernel --sig kernel.bin.sig --machine any --flash sim:chip.bin',
  ],
  options: {
    ...JOB_OPTIONS,
    'force-mounted': {
      value: 'NAMES',
      help: 'write these partitions even if they are mounted or otherwise in use',
    },
    ...STATE_OPTIONS,
    map: { help: 'draw a map of the flash while it is written (on a terminal)' },
    quiet: { short: 'q', help: 'no progress, no summary; errors and --trust unsigned are still reported' },
  },
  arity: [1, 1],
  writesFlash: true,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const quiet = invocation.has('quiet');
  const signal = stopSignal(quiet);
  const job = await openJob(invocation, true, signal);
  const progress = openProgress({ job, quiet, map: invocation.has('map'), last: 'write' });
  let receipt: Receipt;
  let error: SluiceError | null = null;
  let unclosed: SluiceError | null = null;
  try {
    ({ receipt, error } = await update(job, signal, progress));
  } finally {
    progress.close();
    unclosed = await job.close().then(() => null, asSluiceError);
  }
  // The receipt remains valid: the flash was synced before.
  if (unclosed !== null)
    note(`sluice: the flash could not be closed: ${unclosed.message} (${unclosed.code})`);
  const audit = job.state?.keep(receipt, job.request.from) ?? null;
  const json = invocation.has('json');
  const document = audit === null ? receipt : { ...receipt, audit };
  const code = printOutcome(receipt, error, { json, quiet, document });
  return code === 0 ? (unclosed?.exit ?? 0) : code;
}

async function update(job: Job, signal: AbortSignal, progress: Progress): Promise<LocalResult> {
  const { policy, source, request } = job;
  if (policy === 'unsigned') note('sluice: --trust unsigned: NO SIGNATURE IS VERIFIED');
  const run = await beginUpdate(job.jobs(progress), source, request);
  return run({
    checking: () => progress.pass('checking', source.size, 'check'),
    writing: () => progress.pass('writing', source.size),
    signal,
  });
}
