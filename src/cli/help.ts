import type { Command } from './command.js';
import { COMMON_OPTIONS } from './options.js';
import type { OptionTable } from '../config/invocation.js';

/** The text of `sluice COMMAND --help`. */
export function commandHelp(command: Command): string {
  return [
    `Usage: sluice ${command.usage}`,
    '',
    command.description,
    '',
    'Options:',
    ...optionRows({ ...command.options, ...COMMON_OPTIONS }),
    '',
    'Examples:',
    ...command.examples.map((example) => `  ${example}`),
    '',
    'Exit codes: 0 done, 2 usage, 3 refused (not trusted), 4 source, 5 flash, 6 busy, 7 interrupted.',
    '',
  ].join('\n');
}

function optionRows(options: OptionTable): string[] {
  const heads = Object.entries(options).map(([name, { short, value }]) => {
    const dash = short === undefined ? '    ' : `-${short}, `;
    return `  ${dash}--${name}${value === undefined ? '' : ` ${value}`}`;
  });
  const width = Math.max(...heads.map((head) => head.length)) + 2;
  return Object.values(options).map(({ help }, i) => {
    const [first, ...more] = help.split('\n');
    const indent = ' '.repeat(width);
    return [`${(heads[i] as string).padEnd(width)}${first}`, ...more.map((line) => indent + line)].join('\n');
  });
}
