import { once } from 'node:events';
import type { IncomingMessage } from 'node:http';
import type { JobProgress } from '../service/job-monitor.js';
import type { StoredReceipt } from '../service/receipts.js';
import type { ServiceState } from '../service/service-state.js';
import { asSluiceError } from '../core/errors.js';
import { stdout } from './output.js';
import { mib, note } from './print.js';
import { Screen } from './screen.js';
import { EventParser, type SseEvent } from '../tools/client/event-parser.js';
import { pause } from '../tools/client/patience.js';
import { collect, errorOf, type ServiceClient } from '../tools/client/service-client.js';

/** Milliseconds before it is tried again after a cut. */
const AGAIN = 2000;

/** How a service is watched. */
export interface WatchOptions {
  /** A line of JSON for each event. */
  readonly json: boolean;
  readonly tell: (state: ServiceState) => void;
  readonly signal: AbortSignal;
}

/**
 * Tells what a service does until `signal` trips.
 * @throws SluiceError when it cannot be watched from the start
 */
export async function watch(client: ServiceClient, { json, tell, signal }: WatchOptions): Promise<void> {
  const screen = new Screen();
  let last: string | null = null;
  let first = true;
  const told = (event: SseEvent): void => {
    last = event.id ?? last;
    if (json) stdout().write(`${JSON.stringify({ event: event.type, data: dataOf(event) })}\n`);
    else show(event, screen, tell);
  };
  while (!signal.aborted) {
    try {
      await follow(client, last, told, signal, () => {
        first = false;
      });
    } catch (thrown) {
      if (signal.aborted) break;
      if (first) throw asSluiceError(thrown);
    }
    screen.clear();
    if (!signal.aborted) note(`sluice: ${client.name} does not answer; trying again`);
    await pause(AGAIN, signal).catch(() => {});
  }
  screen.clear();
}

async function follow(
  client: ServiceClient,
  last: string | null,
  told: (event: SseEvent) => void,
  signal: AbortSignal,
  begun: () => void,
): Promise<void> {
  const headers = { accept: 'text/event-stream', ...(last === null ? {} : { 'last-event-id': last }) };
  const request = await client.open('GET', '/v1/events', { headers, signal });
  request.end();
  try {
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    if (response.statusCode !== 200) {
      throw errorOf(await collect(response), client.name);
    }
    begun();
    const parser = new EventParser(told);
    for await (const part of response as AsyncIterable<Buffer>) parser.take(part);
  } catch (thrown) {
    throw client.lost(thrown);
  } finally {
    request.destroy();
  }
}

function show({ type, data }: SseEvent, screen: Screen, tell: (state: ServiceState) => void): void {
  if (type === 'state') {
    screen.clear();
    tell(JSON.parse(data) as ServiceState);
  } else if (type === 'progress') {
    const progress = JSON.parse(data) as JobProgress;
    screen.draw(() => [progressLine(progress)]);
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
