import { asSluiceError, SluiceError } from '../core/errors.js';
import type { CheckResult } from '../core/update/check/check-pass.js';
import type { Receipt } from '../core/update/report/receipt.js';
import { UpdateSession } from '../core/update/session.js';
import type { Command } from './command.js';
import { Job } from './job.js';
import { JOB_OPTIONS } from '../config/job-options.js';
import { note, printOutcome } from './print.js';
import { openProgress, type Progress } from './progress.js';
import { stopSignal } from './stop-signal.js';
import type { Invocation } from '../config/invocation.js';
import { STATE_OPTIONS } from '../config/state-options.js';

export const command: Command = {
  name: 'write',
  usage: 'write SOURCE --flash ADDRESS [options]',
  summary: 'write an update to flash, each block proven before it is erased',
  description: `SOURCE is a path, an http or https URL, or - for standard input: an OpenBMC update tarball (gzip is fine),
or with --partition a bare image. Blocks that are right already are left alone, so running it again after a
power cut or an interrupt finishes the update; a small journal tells which block was being written (--state).

A tarball without a block index is read twice when it can be (path, URL): once to verify it, once to write
it. From a pipe it needs an index (\`sluice pack\`) or --trust before-commit.`,
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
    quiet: { short: 'q', help: 'no progress, no summary; errors and --trust unsigned are still told' },
  },
  arity: [1, 1],
  writesFlash: true,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const quiet = invocation.has('quiet');
  const signal = stopSignal(quiet);
  const job = await Job.open(invocation, true, signal);
  const progress = openProgress({ job, quiet, map: invocation.has('map') });
  let receipt: Receipt;
  let error: SluiceError | null = null;
  let unclosed: SluiceError | null = null;
  try {
    ({ receipt, error } = await update(job, signal, progress));
  } finally {
    progress.close();
    unclosed = await job.close().then(() => null, asSluiceError);
  }
  // It does not undo what the receipt tells: the flash was synced before.
  if (unclosed !== null)
    note(`sluice: the flash could not be closed: ${unclosed.message} (${unclosed.code})`);
  const audit = job.state?.keep(receipt) ?? null;
  const json = invocation.has('json');
  const document = audit === null ? receipt : { ...receipt, audit };
  const code = printOutcome(receipt, error, { json, quiet, document });
  return code === 0 ? (unclosed?.exit ?? 0) : code;
}

interface Result {
  readonly receipt: Receipt;
  readonly error: SluiceError | null;
}

async function update(job: Job, signal: AbortSignal, progress: Progress): Promise<Result> {
  const { platform, target, policy, only, forceMounted, single, source, journal, resumeLimit } = job;
  if (target === null) throw new SluiceError('ERR_USAGE_OPTION', '--flash is missing');
  if (policy === 'unsigned') note('sluice: --trust unsigned: NO SIGNATURE IS CHECKED');
  let refused: unknown = null;
  let expect: CheckResult | null = null;
  if (policy === 'before-erase' && source.rereadable) {
    try {
      progress.pass('checking', source.size);
      expect = await job.check({ observer: progress, forecast: false, stopAtIndex: true });
    } catch (thrown) {
      refused = thrown;
    }
  }
  progress.pass('writing', source.size);
  const trust = await job.trust();
  const observer = progress;
  const wanted = { policy, only, forceMounted, single, expect };
  const resume = { journal, ...(resumeLimit === undefined ? {} : { resumeLimit }) };
  const options = { platform, target, trust, ...wanted, ...resume, observer, signal };
  const session = new UpdateSession(options);
  let receipt: Receipt;
  try {
    if (refused !== null) throw refused;
    await source.pump((bytes) => session.write(bytes), { signal });
    receipt = await session.end();
  } catch (thrown) {
    receipt = await session.abort(thrown);
    // A session that was given nothing knows nothing of the bundle that the check refused.
    if (refused !== null) receipt = { ...receipt, bundle: { ...receipt.bundle, ...job.seen } };
  }
  return { receipt, error: session.error };
}
