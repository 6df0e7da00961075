import { SluiceError } from '../core/errors.js';
import { nearest } from '../core/text.js';
import type { Command } from './command.js';
import type { Invocation, OptionTable } from '../config/invocation.js';

/** Options that every command has. */
export const COMMON_OPTIONS: OptionTable = {
  json: { help: 'print one JSON document for machines' },
  help: { short: 'h', help: 'show this text' },
};

/**
 * Parses the words after the name of a command. An unknown, repeated or incomplete option is an error: a misspelt
 * option must not be ignored when flash is written.
 * @throws SluiceError ERR_USAGE_OPTION, ERR_USAGE_ARGUMENT
 */
export function parseInvocation(command: Command, words: readonly string[]): Invocation {
  const table: OptionTable = { ...command.options, ...COMMON_OPTIONS };
  const given = new Map<string, string>();
  const rest: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] as string;
    if (word === '--') {
      rest.push(...words.slice(at + 1));
      break;
    }
    if (!word.startsWith('-') || word === '-') {
      rest.push(word);
      continue;
    }
    const [name, inline] = nameOf(word, table);
    // Own properties only: `--constructor` is in every object.
    const spec = Object.hasOwn(table, name) ? table[name] : undefined;
    if (spec === undefined) throw unknownOption(word, table);
    if (given.has(name)) throw usage(`--${name} is given twice`);
    if (spec.value === undefined) {
      if (inline !== undefined) throw usage(`--${name} takes no value`);
      given.set(name, '');
      continue;
    }
    const value = inline ?? words[++at];
    if (value === undefined || value === '') throw usage(`--${name} needs a value (${spec.value})`);
    if (inline === undefined && value.startsWith('--')) {
      throw usage(`--${name} needs a value (${spec.value}), but ${value} follows`);
    }
    given.set(name, value);
  }
  if (!given.has('help')) checkArity(command, rest.length);
  return {
    arguments: rest,
    option: (name) => given.get(name),
    has: (name) => given.has(name),
  };
}

function nameOf(word: string, table: OptionTable): [string, string | undefined] {
  if (word.startsWith('--')) {
    const equals = word.indexOf('=');
    return equals < 0 ? [word.slice(2), undefined] : [word.slice(2, equals), word.slice(equals + 1)];
  }
  const long = Object.keys(table).find((name) => table[name]?.short === word.slice(1));
  return [long ?? word.slice(1), undefined];
}

function unknownOption(word: string, table: OptionTable): SluiceError {
  const name = word.replace(/^-+/, '').replace(/=.*$/s, '');
  const near = nearest(name, Object.keys(table));
  return usage(
    `unknown option ${word.replace(/=.*$/s, '')}${near === null ? '' : `; did you mean --${near}?`}`,
  );
}

function checkArity({ name, usage: form, arity: [least, most] }: Command, count: number): void {
  if (count >= least && count <= most) return;
  const what = count < least ? 'lacks an argument' : 'has too many arguments';
  throw new SluiceError('ERR_USAGE_ARGUMENT', `${name} ${what}; usage: sluice ${form}`);
}

function usage(message: string): SluiceError {
  return new SluiceError('ERR_USAGE_OPTION', message);
}
