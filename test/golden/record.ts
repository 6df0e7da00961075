/** Writes the record of a program: `npm run record:golden -- --program PATH [NAME...]`. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { format, type Json } from './compare.js';
import { play } from './play.js';
import { SCENARIOS } from './scenarios.js';
import { Site } from './site.js';

const { values, positionals } = parseArgs({
  options: { program: { type: 'string', default: 'dist/bin/sluice' } },
  allowPositionals: true,
});
const unknown = positionals.filter((name) => !SCENARIOS.some((each) => each.name === name));
if (unknown.length > 0) throw new Error(`no scenario ${unknown.join(', ')}`);

const folder = resolve('test/golden/record');
mkdirSync(folder, { recursive: true });
const site = new Site(resolve(values.program));
try {
  for (const scenario of SCENARIOS) {
    if (positionals.length > 0 && !positionals.includes(scenario.name)) continue;
    const recorded = await play(site, scenario);
    writeFileSync(join(folder, `${scenario.name}.json`), `${format(recorded as unknown as Json)}\n`);
    process.stdout.write(`${scenario.name}\n`);
  }
} finally {
  site.close();
}
