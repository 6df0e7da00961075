// Writes docs/errors.md from the table in src/core/errors.ts (as built: dist/lib/core.js), and docs/sluice.schema.json from
// the table of keys in src/cli/config. With --check it only tells whether the files are what would be written.
import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { format, resolveConfig } from 'prettier';
import { ERRORS, EXIT } from '../dist/lib/core.js';

const ERRORS_PATH = 'docs/errors.md';
const SCHEMA_PATH = 'docs/sluice.schema.json';

const GROUPS = {
  USAGE: [
    'Usage',
    'The command line, the configuration file, or the files that they name. Nothing was begun.',
  ],
  TRUST: ['Trust', 'What is not proven, or not for this board, is refused. See [security.md](security.md).'],
  SOURCE: ['Source', 'Where the bundle comes from, and whether all of it came.'],
  BUNDLE: ['Bundle', 'What came is not a bundle that can be used on this flash.'],
  FLASH: ['Flash', 'The chip, or what drives it.'],
  BUSY: ['Busy', 'The flash is there, but not for us, or not now.'],
  SESSION: ['Session', 'The update as such.'],
  AUDIT: ['Audit', 'The log of all receipts. See [state.md](state.md).'],
};

const MEANING = {
  done: 'done, committed',
  usage: 'usage or configuration',
  refused: 'refused: not trusted, not for this machine or its flash, rollback',
  source: 'source: unreachable, truncated, malformed, changed between passes',
  flash: 'flash: erase, program, read back, bad blocks, no such device',
  busy: 'busy, mounted or otherwise in use, not permitted',
  interrupted: 'interrupted, resumable',
};

const cell = (text) => text.replaceAll('|', '\\|').replaceAll('<', '&lt;');
const groupOf = (code) => code.split('_')[1];

const lines = [
  '# Errors',
  '',
  '<!-- Written by `npm run docs` from src/core/errors.ts; edit that. -->',
  '',
  'Every failure has one of these codes. The codes are the interface: they keep their names, meanings and exit',
  'codes, and stand in the receipt (`code`), in the JSON of an error and at the end of the line that people',
  'read. The sentences may change at any time; match on codes only.',
  '',
  'With an error comes the state of the flash (`flash`): `untouched`; `partial`, which means that some blocks were',
  'changed, by this update or by an earlier one that was broken off, and nothing was committed, so an update must be',
  'finished before the board restarts; or `complete`.',
  'It also names the partition, the block and the member that it is about, where there is one.',
  '',
  '| exit | meaning |',
  '|---|---|',
  ...Object.entries(EXIT).map(([name, exit]) => `| ${exit} | ${MEANING[name]} |`),
];
const codes = Object.keys(ERRORS);
const stray = codes.filter((code) => !(groupOf(code) in GROUPS));
if (stray.length > 0) throw new Error(`codes of no group: ${stray.join(', ')}`);
for (const [group, [title, about]] of Object.entries(GROUPS)) {
  lines.push(
    '',
    `## ${title}`,
    '',
    about,
    '',
    '| code | exit | what happened | what to do next |',
    '|---|---|---|---|',
  );
  for (const code of codes.filter((code) => groupOf(code) === group)) {
    const { exit, what, next } = ERRORS[code];
    lines.push(`| \`${code}\` | ${exit} | ${cell(what)} | ${cell(next)} |`);
  }
}

await put(ERRORS_PATH, `${lines.join('\n')}\n`);
const schema = JSON.stringify((await configTable()).configSchema());
await put(SCHEMA_PATH, await format(schema, { ...(await resolveConfig(SCHEMA_PATH)), parser: 'json' }));

/** The table of keys is in no library, so it is bundled for this. */
async function configTable() {
  const { outputFiles } = await build({
    entryPoints: ['src/config/keys.ts'],
    bundle: true,
    write: false,
    format: 'esm',
    platform: 'node',
  });
  return import(`data:text/javascript;base64,${Buffer.from(outputFiles[0].contents).toString('base64')}`);
}

async function put(path, text) {
  if (!process.argv.includes('--check')) return writeFileSync(path, text);
  let found = '';
  try {
    found = readFileSync(path, 'utf8');
  } catch {
    // missing: stale
  }
  if (found === text) return;
  process.stderr.write(`${path} is stale; say npm run docs\n`);
  process.exitCode = 1;
}
