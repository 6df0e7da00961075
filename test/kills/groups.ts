import { serveKills } from './serve-kills.js';
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
};
