import type { JobProgress } from '../service/job-monitor.js';
import type { StoredReceipt } from '../service/receipts.js';
import type { ServiceState } from '../service/service-state.js';
import { asSluiceError } from '../core/errors.js';
import { printable } from '../core/text.js';
import { stdout } from './output.js';
import { mib, note } from './print.js';
import { Screen } from './screen.js';
import type { SseEvent } from '../tools/client/event-parser.js';
import { followEvents } from '../tools/client/event-stream.js';
import { pause } from '../tools/client/patience.js';
import type { ServiceClient } from '../tools/client/service-client.js';

/** Milliseconds between a lost connection and the next attempt. */
const AGAIN = 2000;

/** Options of watching a service. */
export interface WatchOptions {
  /** A line of JSON for each event. */
  readonly json: boolean;
  readonly print: (state: ServiceState) => void;
  readonly signal: AbortSignal;
}

/**
 * Prints the events of a service until `signal` is aborted.
 * @throws SluiceError when the first connection fails or is refused
 */
export async function watch(client: ServiceClient, { json, print, signal }: WatchOptions): Promise<void> {
  const screen = new Screen();
  let last: string | null = null;
  let first = true;
  const take = (event: SseEvent): void => {
    last = event.id ?? last;
    if (json) stdout().write(`${JSON.stringify({ event: event.type, data: dataOf(event) })}\n`);
    else show(event, screen, print);
  };
  while (!signal.aborted) {
    try {
      const begun = (): void => {
        first = false;
      };
      await followEvents(client, take, { after: last, signal, begun });
    } catch (thrown) {
      if (signal.aborted) break;
      if (first) throw asSluiceError(thrown);
    }
    screen.clear();
    if (!signal.aborted) note(`sluice: ${client.name} does not answer; retrying`);
    await pause(AGAIN, signal).catch(() => {});
  }
  screen.clear();
}

function show({ type, data }: SseEvent, screen: Screen, print: (state: ServiceState) => void): void {
  if (type === 'state') {
    screen.clear();
    print(JSON.parse(data) as ServiceState);
  } else if (type === 'progress') {
    const progress = JSON.parse(data) as JobProgress;
    screen.draw(() => [printable(progressLine(progress))]);
  } else if (type === 'receipt') {
    screen.clear();
    const { id, receipt } = JSON.parse(data) as StoredReceipt;
    note(`receipt ${id}: ${receipt.outcome}: ${receipt.message}`);
  } else if (type === 'warning') {
    screen.clear();
    note(`warning: ${(JSON.parse(data) as { message: string }).message}`);
  }
}

function progressLine({ phase, percent, received, rate, secondsLeft, partitions }: JobProgress): string {
  const share = percent === null ? mib(received) : `${percent} %`;
  const left = secondsLeft === null ? '' : `  ${secondsLeft} s left`;
  const each = Object.entries(partitions).map(([name, { done, blocks }]) => `${name} ${done}/${blocks}`);
  return `${phase}  ${share}  ${mib(rate)}/s${left}  ${each.join('  ')}`;
}

function dataOf({ data }: SseEvent): unknown {
  try {
    return JSON.parse(data);
  } catch {
    return data;
  }
}
