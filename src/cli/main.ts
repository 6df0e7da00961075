import { asSluiceError, EXIT, SluiceError } from '../core/errors.js';
import type { Command } from './command.js';
import { commandHelp } from './help.js';
import { parseInvocation } from './options.js';
import { stdout } from './output.js';
import { printError } from './print.js';
import { nearest } from '../core/text.js';

declare const SLUICE_VERSION: string;

// A command is loaded when it is called: `write` on a small board must not load `demo`.
const COMMANDS: Readonly<Record<string, () => Promise<{ command: Command }>>> = {
  write: () => import('./write.js'),
  verify: () => import('./verify.js'),
  inspect: () => import('./inspect.js'),
  pack: () => import('./pack.js'),
  serve: () => import('./serve.js'),
  push: () => import('./push.js'),
  status: () => import('./status.js'),
  credentials: () => import('./credentials.js'),
  audit: () => import('./audit.js'),
  sim: () => import('./sim.js'),
  demo: () => import('./demo.js'),
};

async function main(words: readonly string[]): Promise<number> {
  let [name, ...rest] = words;
  if (name === 'help' && rest[0] !== undefined) [name, rest] = [rest[0], ['--help']];
  if (name === undefined || name === '--help' || name === '-h' || name === 'help') {
    stdout().write(await programHelp());
    return name === undefined ? EXIT.usage : EXIT.done;
  }
  if (name === '--version' || name === 'version') {
    stdout().write(`sluice ${SLUICE_VERSION}\n`);
    return EXIT.done;
  }
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load === undefined) throw unknownCommand(name);
  const { command } = await load();
  try {
    const invocation = parseInvocation(command, rest);
    if (!invocation.has('help')) return await command.run(invocation);
  } catch (thrown) {
    return reportError(thrown, command.writesFlash);
  }
  stdout().write(commandHelp(command));
  return EXIT.done;
}

/** Prints the error; returns the exit code. */
function reportError(thrown: unknown, flash = false): number {
  const error = asSluiceError(thrown);
  printError(error, { json: process.argv.includes('--json'), flash });
  return error.exit;
}

function unknownCommand(name: string): SluiceError {
  const near = nearest(name, Object.keys(COMMANDS));
  const hint = near === null ? '' : `; did you mean ${near}?`;
  return new SluiceError('ERR_USAGE_ARGUMENT', `unknown command ${name}${hint}`);
}

async function programHelp(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  const rows = commands.map(({ command }) => `  ${command.name.padEnd(13)}${command.summary}`);
  return [
    'sluice: a streaming flash writer. Unpacks a firmware tarball as it arrives, verifies each block before the',
    'flash for it is erased, and never stages the image.',
    '',
    'Usage: sluice COMMAND [options]',
    '',
    ...rows,
    '',
    'Try `sluice demo`: a simulated board, no hardware. `sluice COMMAND --help` has examples.',
    '',
  ].join('\n');
}

void main(process.argv.slice(2))
  .catch((thrown: unknown) => reportError(thrown))
  .then((code) => {
    // A pending read from a silent sender would keep the process alive.
    process.exit(code);
  });
