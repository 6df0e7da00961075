import { machineOfThisBoard } from '../host/node/os-release.js';
import { SluiceError } from '../core/errors.js';
import { splitNames } from '../core/text.js';
import { TRUST_POLICIES, type TrustPolicy } from '../core/trust/trust.js';
import type { AcceptanceRules } from '../core/trust/acceptance-rules.js';
import { DEFAULT_KEYS, type Config } from './config.js';
import type { Invocation, OptionTable } from './invocation.js';

/** Options that `write` and `verify` share. */
export const JOB_OPTIONS: OptionTable = {
  flash: {
    value: 'ADDRESS',
    help: 'what to write: sim:PATH (a simulated chip), mtd:, mtd:NAME, ubi:, ubi:NAME,\nblock:PATH, block:NAME=PATH (a block device or an image file)',
  },
  keys: { value: 'DIR', help: `trusted keys, <KeyType>/{publickey,hashfunc} (default ${DEFAULT_KEYS})` },
  machine: {
    value: 'NAME',
    help: 'which machine this is; "any" if it does not matter (default: os-release)',
  },
  only: { value: 'NAMES', help: 'only these partitions, such as kernel,rofs' },
  trust: {
    value: 'POLICY',
    help: `when bytes may touch flash: before-erase (default: after each block is\nverified), before-commit (at once; the first block of each partition is\nwritten last, after the bundle is verified), unsigned (at once, unverified)`,
  },
  partition: { value: 'NAME', help: 'the source is the bare image of this partition, not a tarball' },
  sig: { value: 'FILE', help: 'its detached signature, as `openssl dgst -sign` makes it' },
  blocks: { value: 'FILE', help: 'its block index (BLOCKS), to verify each block before it is erased' },
  'blocks-sig': { value: 'FILE', help: 'the signature of that index' },
  'min-version': { value: 'VERSION', help: 'refuse bundles that are older' },
  'min-security-version': { value: 'N', help: 'refuse bundles with a lower security version' },
  config: { value: 'FILE', help: 'JSON with defaults for these options' },
};

/** @throws SluiceError ERR_USAGE_OPTION */
export function policyOf(name: string): TrustPolicy {
  const policy = TRUST_POLICIES.find((known) => known === name);
  if (policy !== undefined) return policy;
  throw new SluiceError(
    'ERR_USAGE_OPTION',
    `unknown policy ${name} for --trust; the policies are ${TRUST_POLICIES.join(', ')}`,
  );
}

/** The partition names of an option; see splitNames. */
export function namesOf(invocation: Invocation, option: string): string[] | null {
  const list = invocation.option(option);
  if (list === undefined) return null;
  const names = splitNames(list);
  if (names === null) {
    throw new SluiceError(
      'ERR_USAGE_OPTION',
      `--${option} takes names separated by commas, such as kernel,rofs`,
    );
  }
  return names;
}

/** The rules by which bundles are accepted. */
export function acceptanceRulesOf(invocation: Invocation, config: Config): AcceptanceRules {
  const minimum = invocation.option('min-security-version') ?? config.minimumSecurityVersion;
  if (minimum !== undefined && !/^\d{1,15}$/.test(String(minimum))) {
    throw new SluiceError('ERR_USAGE_OPTION', `--min-security-version takes a whole number, not ${minimum}`);
  }
  const version = invocation.option('min-version') ?? config.minimumVersion;
  return {
    machine: invocation.option('machine') ?? config.machine ?? machineOfThisBoard(),
    ...(version === undefined ? {} : { minimumVersion: version }),
    ...(minimum === undefined ? {} : { minimumSecurityVersion: Number(minimum) }),
  };
}
