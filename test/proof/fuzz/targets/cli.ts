/** The command line, and the addresses on it. */
import { command as credentials } from '../../../../src/cli/credentials.js';
import { addressOf } from '../../../../src/tools/client/endpoint.js';
import { TRUST_POLICIES } from '../../../../src/core/trust/trust.js';
import { acceptanceRulesOf, namesOf, policyOf } from '../../../../src/config/job-options.js';
import { COMMON_OPTIONS, parseInvocation } from '../../../../src/cli/options.js';
import { command as pack } from '../../../../src/cli/pack.js';
import { command as push } from '../../../../src/cli/push.js';
import { addressOf as listenAddressOf } from '../../../../src/daemon/addresses.js';
import { command as serve } from '../../../../src/cli/serve.js';
import { command as sim } from '../../../../src/cli/sim.js';
import { command as verify } from '../../../../src/cli/verify.js';
import { command as write } from '../../../../src/cli/write.js';
import { parseBlockAddress } from '../../../../src/host/node/flash/block/address.js';
import { must, utf8, type FuzzTarget } from '../target.js';

const COMMANDS = { write, verify, pack, serve, push, sim, credentials };

/** Words with a line break between them; the first one is the command. */
export const cli: FuzzTarget = {
  name: 'cli',
  codes: ['ERR_USAGE_OPTION', 'ERR_USAGE_ARGUMENT'],
  seeds: [
    'write\nbundle.tar\n--flash\nsim:chip.bin\n--keys=keys\n--only\nkernel,rofs\n--machine\nany\n--trust\nunsigned',
    'verify\n-\n--min-security-version\n7\n--min-version\n2.9\n--json',
    'serve\n--flash\nmtd:\n--http\n127.0.0.1:8080,unix:/x',
    'push\nhttp://127.0.0.1:80\nx.tar\n--retries\n3\n--wait\n10',
    'pack\nstock.tar\n--key\nk.pem\n--block\n4096\n--security-version\n1\n--\n-x',
    'sim\ncreate\nx\n-h',
    'credentials\nadd\n--file\nf',
  ].map(utf8),
  dictionary: [
    '--',
    '-h',
    '=',
    ...Object.values(COMMANDS).flatMap(({ options }) => Object.keys(options).map((name) => `\n--${name}\n`)),
    '--constructor',
    '--__proto__=1',
  ],
  longest: 1024,
  run: (bytes) => {
    const [name = '', ...words] = bytes.toString('utf8').split('\n');
    const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name as keyof typeof COMMANDS] : write;
    const invocation = parseInvocation(command, words);
    const table = { ...command.options, ...COMMON_OPTIONS };
    let given = 0;
    for (const [option, { value }] of Object.entries(table)) {
      const said = invocation.option(option);
      if (said === undefined) continue;
      given++;
      must(value === undefined ? said === '' : said !== '', `--${option} is ${JSON.stringify(said)}`);
      // Each value stands on the command line as it is.
      must(
        value === undefined || words.some((word) => word === said || word === `--${option}=${said}`),
        `--${option} was made up`,
      );
    }
    must(
      invocation.has('help') ||
        (invocation.arguments.length >= command.arity[0] && invocation.arguments.length <= command.arity[1]),
      'arguments out of number',
    );
    const only = namesOf(invocation, 'only');
    must(only === null || only.every((it) => it !== ''), 'an empty name');
    const trust = invocation.option('trust');
    must(trust === undefined || TRUST_POLICIES.includes(policyOf(trust)), 'a policy that is none');
    const { minimumSecurityVersion: least } = acceptanceRulesOf(invocation, {});
    must(least === undefined || (Number.isSafeInteger(least) && least >= 0), `minimum ${least}`);
    return `${command.name} ${given} ${invocation.arguments.length}`;
  },
};

/** Addresses of services, of listeners and of block devices: whatever stands on a line. */
export const addresses: FuzzTarget = {
  name: 'addresses',
  codes: ['ERR_USAGE_ARGUMENT', 'ERR_USAGE_LISTEN'],
  seeds: [
    'http://ann:p%40ss@bmc:80/',
    'https://[::1]:8443',
    'unix:/run/s',
    '127.0.0.1:8080',
    '[::1]:80',
    'systemd',
    'https://a:1',
    'name=/dev/x',
  ].map(utf8),
  dictionary: ['http://', 'https://', 'unix:', '%', '%ff', '@', ':65536', '[', ']', 'localhost'],
  longest: 300,
  run: (bytes, random) => {
    const text = bytes.toString('utf8');
    switch (random.below(3)) {
      case 0: {
        const { address, name, secret, local } = addressOf(text);
        must(!('port' in address) || (address.port >= 0 && address.port <= 65_535), 'a port that is none');
        must(secret === null || !name.includes('@'), 'a secret in a name');
        return `service ${local} ${secret === null}`;
      }
      case 1: {
        const address = listenAddressOf(text, true);
        must(
          address.kind !== 'tcp' || (address.port <= 65_535 && address.host !== ''),
          'a port that is none',
        );
        return `listen ${address.kind}`;
      }
      default: {
        const { name, path } = parseBlockAddress(text);
        must((name === null ? '' : `${name}=`) + path === text, 'a part was lost');
        must(name === null || !name.includes('/'), 'a name with a slash');
        return `block ${name === null}`;
      }
    }
  },
};
