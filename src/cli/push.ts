import { asSluiceError, SluiceError } from '../core/errors.js';
import { joinNames } from '../core/text.js';
import { openSource } from '../host/node/sources/open-source.js';
import type { Receipt } from '../core/update/report/receipt.js';
import { ENDPOINT_OPTIONS, endpointFrom } from './endpoint-options.js';
import { hasIndexAhead } from '../tools/client/index-ahead.js';
import { Sender, type CheckAnswer } from '../tools/client/sender.js';
import { errorOf, ServiceClient } from '../tools/client/service-client.js';
import type { Command } from './command.js';
import { namesOf, policyOf } from '../config/job-options.js';
import { note, printOutcome } from './print.js';
import { openTransferProgress, type Progress } from './progress.js';
import { stopSignal } from './stop-signal.js';
import type { Invocation } from '../config/invocation.js';

/** Attempts in a row; half a minute including the pauses. */
const RETRIES = 8;

/** Checks of one bundle, for a service that is restarted again and again. */
const CHECKS = 4;

export const command: Command = {
  name: 'push',
  usage: 'push URL FILE [options]',
  summary: 'send an update to a service',
  description: `URL is that of a service: http://HOST:PORT, https://HOST, or unix:PATH. FILE is a bundle, or - for standard
input. A bundle without a block index is sent twice: once to be checked, once to be written. After a lost
connection the upload resumes at the byte that the service has. Standard input cannot be resumed.`,
  examples: [
    'sluice push http://127.0.0.1:8080 update.tar',
    'sluice push https://bmc update.tar --ca ca.pem --token-file token --only kernel',
    'sluice push unix:/run/sluice/http.sock update.tar --wait 120 --json',
  ],
  options: {
    ...ENDPOINT_OPTIONS,
    only: { value: 'NAMES', help: 'only these partitions, such as kernel,rofs' },
    trust: {
      value: 'POLICY',
      help: 'before-erase, before-commit or unsigned, if the service allows it',
    },
    wait: { value: 'SECONDS', help: 'wait up to SECONDS for a busy flash (default 0)' },
    retries: {
      value: 'N',
      help: `retries in a row after a failed or lost connection (default ${RETRIES})`,
    },
    quiet: { short: 'q', help: 'no progress, no summary; errors are still printed' },
  },
  arity: [2, 2],
  writesFlash: true,
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const [url, file] = invocation.arguments as [string, string];
  const quiet = invocation.has('quiet');
  const trust = invocation.option('trust') ?? null;
  if (trust !== null) policyOf(trust);
  const names = namesOf(invocation, 'only');
  const only = names === null ? null : joinNames(names);
  const wait = numberOf(invocation, 'wait', 0);
  const retries = numberOf(invocation, 'retries', RETRIES);
  const endpoint = endpointFrom(url, invocation);
  const signal = stopSignal(quiet);
  const source = await openSource(file, signal);
  const progress = openTransferProgress(quiet);
  const client = new ServiceClient(endpoint);
  const sender = new Sender(client, { source, only, trust, wait, retries, progress, signal });
  const twice =
    source.rereadable && (trust === null || trust === 'before-erase') && !(await hasIndexAhead(source));
  let receipt: Receipt;
  const check = async (): Promise<string> => {
    const answer = await sender.check();
    progress.close();
    if (!quiet) printCheck(answer);
    return answer.check;
  };
  try {
    receipt = twice ? await updateChecked(sender, check, progress) : await sender.update(null);
  } catch (thrown) {
    const error = asSluiceError(thrown);
    const left = signal.aborted ? await sender.cancel() : null;
    if (left === null) throw error;
    receipt = left;
  } finally {
    progress.close();
    source.close();
  }
  return print(receipt, invocation, client.name);
}

/** Sends the bundle for a check and a write; a service restarted between the two has lost the check. */
async function updateChecked(
  sender: Sender,
  check: () => Promise<string>,
  progress: Progress,
): Promise<Receipt> {
  for (let left = CHECKS; ; left--) {
    try {
      return await sender.update(await check());
    } catch (thrown) {
      const error = asSluiceError(thrown);
      if (error.code !== 'ERR_SESSION_CHECK' || left === 1) throw error;
      progress.warn?.(`${error.message}; checking the bundle again`);
    }
  }
}

/** Prints the outcome, as `write` does. */
function print(receipt: Receipt, invocation: Invocation, name: string): number {
  const error = receipt.code === null ? null : errorOf({ status: 200, json: receipt }, name);
  return printOutcome(receipt, error, { json: invocation.has('json'), quiet: invocation.has('quiet') });
}

function printCheck({ identity, kind, version, willChange }: CheckAnswer): void {
  const changes = Object.entries(willChange).map(
    ([name, { blocks, unchanged }]) => `${name} ${blocks - unchanged} of ${blocks}`,
  );
  note(`sluice: checked: ${kind} bundle, version ${version ?? '-'}, ${identity}`);
  note(`sluice: blocks that will change: ${changes.join(', ') || 'none'}`);
}

/** @throws SluiceError ERR_USAGE_OPTION */
function numberOf(invocation: Invocation, name: string, usual: number): number {
  const text = invocation.option(name);
  if (text === undefined) return usual;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new SluiceError('ERR_USAGE_OPTION', `--${name} takes a whole number, not ${text}`);
}
