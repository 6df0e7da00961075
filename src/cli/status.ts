import type { JobState, ServiceState } from '../service/service-state.js';
import type { StoredReceipt } from '../service/receipts.js';
import { DEFAULT_SERVICE_URL } from '../tools/client/endpoint.js';
import { ENDPOINT_OPTIONS, endpointFrom } from './endpoint-options.js';
import { errorOf, ServiceClient } from '../tools/client/service-client.js';
import { watch } from './watch.js';
import type { Command } from './command.js';
import { stdout } from './output.js';
import { printable } from '../core/text.js';
import { mib, printJson, table } from './print.js';
import { stopSignal } from './stop-signal.js';
import type { Invocation } from '../config/invocation.js';

/** Characters of a digest that distinguish two images for a reader. */
const SHORT = 12;

export const command: Command = {
  name: 'status',
  usage: 'status [URL] [options]',
  summary: 'show the partitions of a service, its last receipt and the running update',
  description: `Prints what a service (default ${DEFAULT_SERVICE_URL}) has written to each partition, the result of the last update,
and the progress of the running update. --watch follows the service and prints what happens.`,
  examples: ['sluice status', 'sluice status https://bmc --ca ca.pem --token-file token --watch'],
  options: {
    ...ENDPOINT_OPTIONS,
    watch: { help: 'print events until interrupted; with --json one line for each event' },
  },
  arity: [0, 1],
  run,
};

async function run(invocation: Invocation): Promise<number> {
  const endpoint = endpointFrom(invocation.arguments[0] ?? DEFAULT_SERVICE_URL, invocation);
  const client = new ServiceClient(endpoint);
  const json = invocation.has('json');
  if (invocation.has('watch')) {
    await watch(client, { json, print: printState, signal: stopSignal(true) });
    return 0;
  }
  const answer = await client.ask('GET', '/v1/status');
  if (answer.status !== 200) throw errorOf(answer, client.name);
  if (json) printJson(answer.json);
  else printState(answer.json as ServiceState);
  return 0;
}

function printState({ machine, policy, flash, unfinished = [], job, lastReceipt }: ServiceState): void {
  // Names from a bundle or a service must not control the terminal.
  const out = (line: string) => stdout().write(`${printable(line)}\n`);
  out(`${machine ?? 'a machine without a name'}, ${flash.address}, trust ${policy}`);
  const head = ['partition', 'size', 'bytes', 'sha256', 'version'];
  const rows = flash.partitions.map(({ name, size, installed }) => [
    name,
    mib(size),
    installed?.bytes ?? '-',
    installed?.sha256?.slice(0, SHORT) ?? '-',
    installed?.version ?? '-',
  ]);
  for (const line of table([head, ...rows])) out(`  ${line}`);
  out(lastReceipt === null ? 'no update yet' : receiptLine(lastReceipt));
  if (unfinished.length > 0 && job === null) {
    out(
      `an update of ${unfinished.join(', ')} was interrupted: complete an update before the board restarts`,
    );
  }
  out(job === null ? 'no update is running' : jobLine(job));
}

/** One line about the last update. */
export function receiptLine({ id, at, receipt }: StoredReceipt): string {
  const code = receipt.code === null ? '' : ` (${receipt.code})`;
  return `last ${id}, ${at}: ${receipt.outcome}: ${receipt.message}${code}, flash ${receipt.flash}`;
}

/** One line about the running job. */
export function jobLine({ id, kind, phase, percent, received, rate, secondsLeft }: JobState): string {
  const share = percent === null ? mib(received) : `${percent} %`;
  const left = secondsLeft === null ? '' : `, ${secondsLeft} s left`;
  return `${kind} ${id}: ${phase}, ${share}, ${mib(rate)}/s${left}`;
}
