/** Runs one group of tests in the guest; the argument is its name. Results go to /host/results, a line each. */
import { conformance } from './conformance.js';
import { disk } from './disk.js';
import { guest } from './guest.js';
import { mounted } from './mounted.js';
import { tidyFlash } from './mtd.js';
import { nand } from './nand.js';
import { nor } from './nor.js';
import { runScenarios, type Scenario } from './scenario.js';
import { ubi } from './ubi.js';

const GROUPS: Readonly<Record<string, readonly Scenario[]>> = {
  guest,
  conformance,
  nor,
  nand,
  ubi,
  disk,
  mounted,
};

const [group = '', pattern = ''] = process.argv.slice(2);
const scenarios = GROUPS[group];
if (scenarios === undefined) throw new Error(`there is no group ${group}`);
const chosen = scenarios.filter(({ name }) => name.includes(pattern));
process.exitCode = (await runScenarios(chosen, '/host/results', tidyFlash)) ? 0 : 1;
