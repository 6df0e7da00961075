// Writes docs/errors.md from the table in src/core/error-table.ts (as built: dist/lib/core.js), and docs/sluice.schema.json from
// the table of keys in src/config/keys.ts. With --check it only reports whether the files are what would be written.
import { readFileSync, writeFileSync } from 'node:fs';
import { build } from 'esbuild';
import { format, resolveConfig } from 'prettier';
import { ERRORS, EXIT } from '../dist/lib/core.js';

const ERRORS_PATH = 'docs/errors.md';
const SCHEMA_PATH = 'docs/sluice.schema.json';

/** A group of the document for each stage of the table. */
const GROUPS = {
  usage: ['Usage', 'The command line, the configuration file, or the files that they name.'],
  trust: [
    'Trust',
    'A bundle that is not proven, or not for this board, is refused. See [security.md](security.md).',
  ],
  source: ['Source', 'Where the bundle comes from, and whether all of it came.'],
  bundle: ['Bundle', 'The received data is not a bundle that can be used on this flash.'],
  flash: ['Flash', 'The chip, its controller or its driver.'],
  busy: ['Busy', 'The flash or the service is in use, or the sender is not allowed to use it.'],
  session: ['Session', 'The update session.'],
  audit: ['Audit', 'The log of all receipts. See [state.md](state.md).'],
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
const codes = Object.keys(ERRORS);
const nextOf = ({ next, nextRemote }) => (next === nextRemote ? next : `${next} Over HTTP: ${nextRemote}`);

const lines = [
  '# Errors',
  '',
  '<!-- Written by `npm run docs` from src/core/error-table.ts; edit that. -->',
  '',
  'Every failure has one of these codes. The codes are the interface: they keep their names, meanings and exit',
  'codes, and stand in the receipt (`code`), in the JSON of an error and at the end of the line that people',
  'read. The sentences may change at any time; match on codes only.',
  '',
  'With an error comes the state of the flash (`flash`): `untouched`; `partial`, which means that some blocks were',
  'changed, by this update or by an earlier one that was interrupted, and nothing was committed, so an update must be',
  'finished before the board restarts; `complete`; or null, as long as no update session has established the state.',
  'An error also names its partition, block and bundle member, if there is one.',
  '',
  '`HTTP` is the status of an answer under /v1 ([http.md](http.md)). `retry` says whether the same command or request can',
  'succeed with nothing changed: `now`; `wait`, after a while; `resume`, because the connection or the sender failed, so',
  'that an upload that can be resumed waits for the rest; or `no`.',
  '',
  '| exit | meaning |',
  '|---|---|',
  ...Object.entries(EXIT).map(([name, exit]) => `| ${exit} | ${MEANING[name]} |`),
];
for (const [group, [title, about]] of Object.entries(GROUPS)) {
  lines.push(
    '',
    `## ${title}`,
    '',
    about,
    '',
    '| code | exit | HTTP | retry | what happened | what to do next |',
    '|---|---|---|---|---|---|',
  );
  for (const code of codes.filter((code) => ERRORS[code].stage === group)) {
    const { exit, http, retry, meaning } = ERRORS[code];
    lines.push(
      `| \`${code}\` | ${exit} | ${http} | ${retry} | ${cell(meaning)} | ${cell(nextOf(ERRORS[code]))} |`,
    );
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
