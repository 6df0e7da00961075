import { clocks } from './clock.js';
import { memory } from './memory.js';
import { outputs } from './outputs.js';
import { serveKills } from './serve-kills.js';
import { clients, pauses, signals } from './signals.js';
import { storage, storageOfService } from './storage.js';
import { sweep, sweepService } from './sweep.js';
import type { Context, Tally } from './tally.js';
import { writeKills } from './write-kills.js';

export interface Group {
  readonly title: string;
  readonly run: (context: Context, tally: Tally) => Promise<void>;
}

/** All groups of rounds, in the order in which they are run. */
export const GROUPS: Readonly<Record<string, Group>> = {
  write: { title: 'SIGKILL against `sluice write`', run: writeKills },
  serve: { title: 'SIGKILL against `sluice serve`, with a client that goes on', run: serveKills },
  sweep: { title: 'SIGKILL at every call that changes a file, `sluice write`', run: sweep },
  'sweep-service': { title: 'SIGKILL at every call that changes a file, `sluice serve`', run: sweepService },
  signals: { title: 'SIGTERM, SIGINT and SIGHUP against `sluice write`', run: signals },
  pauses: { title: 'SIGSTOP for 5 s', run: pauses },
  clients: { title: 'the client is killed', run: clients },
  memory: { title: 'no memory is left', run: memory },
  storage: { title: 'ENOSPC and EIO in the state folder, `sluice write`', run: storage },
  'storage-service': { title: 'ENOSPC in the state folder, `sluice serve`', run: storageOfService },
  outputs: { title: 'standard output and error full, closed, read by nobody', run: outputs },
  clock: { title: 'clocks that are wrong and jump', run: clocks },
};
