import { SluiceError } from '../core/errors.js';
import type { Config } from './config.js';
import type { Invocation, OptionTable } from './invocation.js';

/** Options of commands that store state. */
export const STATE_OPTIONS: OptionTable = {
  state: {
    value: 'WHERE',
    help: 'where the journal and the audit log are kept: a folder (default\n$STATE_DIRECTORY, else /var/lib/sluice; for sim:PATH the file PATH.journal),\nmtd:NAME or ubi:NAME (a partition or volume reserved for the journal), none',
  },
  'resume-limit': {
    value: 'N',
    help: 'give up after N sessions in a row without progress\n(default 10; 0: never)',
  },
};

/**
 * Maximum of sessions in a row without progress; undefined if neither option nor configuration sets it.
 * @throws SluiceError ERR_USAGE_OPTION
 */
export function resumeLimitOf(invocation: Invocation, config: Config): number | undefined {
  const text = invocation.option('resume-limit');
  if (text === undefined) return config.resumeLimit;
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new SluiceError('ERR_USAGE_OPTION', `--resume-limit takes a whole number, not ${text}`);
}
