/** Runs one group of tests in the guest: `node inside.mjs GROUP`. Results go to /host/results, a line each. */
import { guest } from './guest.js';
import { tidyFlash } from './mtd.js';
import { nor } from './nor.js';
import { runScenarios, type Scenario } from './scenario.js';

const GROUPS: Readonly<Record<string, readonly Scenario[]>> = { guest, nor };

const [group = '', pattern = ''] = process.argv.slice(2);
const scenarios = GROUPS[group];
if (scenarios === undefined) throw new Error(`there is no group ${group}`);
const chosen = scenarios.filter(({ name }) => name.includes(pattern));
process.exitCode = (await runScenarios(chosen, '/host/results', tidyFlash)) ? 0 : 1;
