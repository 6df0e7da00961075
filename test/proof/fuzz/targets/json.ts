/** Files of JSON: configuration, credentials, layouts, descriptions of simulated chips. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { readConfig } from '../../../../src/config/config.js';
import { configSchema } from '../../../../src/config/keys.js';
import { readCredentials } from '../../../../src/daemon/credentials-file.js';
import { parseInvocation } from '../../../../src/cli/options.js';
import { settingsOf } from '../../../../src/daemon/settings.js';
import { command as serve } from '../../../../src/cli/serve.js';
import { LAYOUTS, parseLayout } from '../../../../src/core/flash/layout.js';
import { formatDescription, parseDescription } from '../../../../src/core/sim/description.js';
import { must, utf8, type FuzzTarget } from '../target.js';

let folder: string | null = null;

/** A file with these bytes; always the same one. */
function fileOf(bytes: Uint8Array): string {
  folder ??= mkdtempSync(join(tmpdir(), 'sluice-fuzz-'));
  const path = join(folder, 'file.json');
  writeFileSync(path, bytes);
  return path;
}

function close(): void {
  if (folder !== null) rmSync(folder, { recursive: true, force: true });
  folder = null;
}

const words = (...lists: readonly (readonly string[])[]): string[] =>
  [
    ...lists.flat(),
    '__proto__',
    'constructor',
    'toString',
    '[[[[[[',
    '{"":',
    '\\ud800',
    'null',
    'true',
    '[]',
    '{}',
  ].flatMap((word) => [word, `"${word}":`]);

const full = {
  flash: 'sim:chip.bin',
  keys: '/etc/keys',
  machine: 'quanta-q71l',
  trust: 'before-erase',
  weakestTrust: 'unsigned',
  minimumVersion: '2.9.0',
  minimumSecurityVersion: 3,
  state: '/var/lib/sluice',
  resumeWithin: 60,
  idleExit: 0,
  forceMounted: ['rwfs'],
  http: {
    listen: [
      '127.0.0.1:8080',
      '[::1]:80',
      'unix:/run/s',
      'https://a.b:1',
      { unix: '/run/s', mode: '0660', role: 'none' },
    ],
    tls: { certificate: 'a', key: 'b', clientCertificates: 'c', roles: { x: 'Operator' } },
    limits: { connections: 9, head: 1, headBytes: 2048, silence: 3 },
    pullFrom: ['*.example.org'],
    page: false,
  },
};

export const config: FuzzTarget = {
  name: 'config',
  codes: ['ERR_USAGE_CONFIG', 'ERR_USAGE_LISTEN', 'ERR_USAGE_OPTION'],
  seeds: [full, { http: { listen: ['systemd'] } }, {}, { only: ['kernel'], trust: 'unsigned' }].map((it) =>
    utf8(JSON.stringify(it)),
  ),
  dictionary: words(Object.keys((configSchema() as { properties: object }).properties), [
    'unix:/x',
    '[::]:0',
    'systemd',
    '65536',
  ]),
  run: (bytes) => {
    const path = fileOf(bytes);
    const parsed = readConfig(path);
    must(
      JSON.stringify(parsed) === JSON.stringify(JSON.parse(bytes.toString('utf8'))),
      'it says something else',
    );
    const settings = settingsOf(parseInvocation(serve, ['--config', path]));
    for (const it of settings.addresses) {
      must(
        it.kind !== 'tcp' || (it.port >= 0 && it.port <= 65_535 && it.host !== ''),
        `listens at ${JSON.stringify(it)}`,
      );
    }
    for (const limit of Object.values(settings.limits))
      must(Number.isSafeInteger(limit) && limit > 0, `limit ${limit}`);
    return Object.keys(parsed).sort().join();
  },
  close,
};

const scrypt = `scrypt$4096$8$1$${'A'.repeat(22)}$${'B'.repeat(43)}`;

export const credentials: FuzzTarget = {
  name: 'credentials',
  codes: ['ERR_USAGE_CREDENTIALS'],
  seeds: [
    {
      users: { ann: { role: 'Operator', password: scrypt } },
      tokens: [{ name: 'ci', role: 'ReadOnly', hash: `sha256$${'0a'.repeat(32)}` }],
    },
    { tokens: [] },
    { users: {} },
  ].map((it) => utf8(JSON.stringify(it))),
  dictionary: words(['users', 'tokens', 'Administrator', 'sha256$', 'scrypt$', '$8192$', '$1048576$8$1$']),
  run: (bytes) => {
    const { users, tokens } = readCredentials(fileOf(bytes));
    for (const [name, { password: it }] of users) {
      must(name !== '' && !name.includes(':'), `the user ${name}`);
      must(128 * it.N * it.r <= 8 * 1024 * 1024 && it.p <= 16 && it.N >= 1024, 'a hash that costs too much');
      must(it.hash.length === 32 && it.salt.length >= 16, 'a hash of another size');
    }
    for (const { digest } of tokens) must(digest.length === 32, 'a digest of another size');
    return `${users.size} ${tokens.length}`;
  },
  close,
};

export const layout: FuzzTarget = {
  name: 'layout',
  codes: ['ERR_USAGE_LAYOUT'],
  seeds: LAYOUTS.map((it) => utf8(JSON.stringify(it))),
  dictionary: words(['name', 'size', 'partitions', 'offset', '65536', '17179869184']),
  memory: 1024 * 1024,
  run: (bytes) => {
    let value: unknown;
    try {
      value = JSON.parse(bytes.toString('utf8'));
    } catch {
      return 'no JSON';
    }
    const { size, partitions } = parseLayout(value, 65_536);
    const parts = [...partitions]
      .sort((a, b) => a.offset - b.offset)
      .filter((it) => it.size !== size || it.offset !== 0);
    let end = 0;
    for (const it of parts) {
      must(it.offset >= end && it.offset % 65_536 === 0 && it.size > 0, `${it.name} overlaps`);
      end = it.offset + it.size;
      must(end <= size, `${it.name} leaves the chip`);
    }
    must(new Set(partitions.map(({ name }) => name)).size === partitions.length, 'a name twice');
    return `${partitions.length}`;
  },
};

const chip = {
  name: 'bmc.bin',
  geometry: { type: 'nand', size: 1_048_576, eraseSize: 131_072, writeSize: 2048 },
  layout: { name: 'x', partitions: [{ name: 'bmc', offset: 0, size: 1_048_576 }] },
  timing: { model: 'n25q256a', scale: 0 },
  factoryBad: [1],
  grownBad: [3, 5],
  faults: [
    { kind: 'fail', on: 'erase', nth: 1, times: 'ever' },
    { kind: 'cut', on: 'change', nth: 17 },
    { kind: 'stuck', block: 2, offset: 5, mask: 3, value: 1 },
    { kind: 'flip', page: 7, bits: 2, times: 3 },
  ],
  torn: [],
  wear: Uint32Array.of(3, 2, 2, 2, 0, 0, 0, 0),
  totals: { erases: 17, programs: 17, reads: 0, bytesRead: 0, bytesProgrammed: 0, busyMs: 0.5 },
} as unknown as Parameters<typeof formatDescription>[0];

export const simDescription: FuzzTarget = {
  name: 'sim-description',
  codes: ['ERR_USAGE_SIM'],
  seeds: [
    utf8(JSON.stringify(JSON.parse(formatDescription(chip)))),
    utf8(
      JSON.stringify(JSON.parse(formatDescription({ ...chip, factoryBad: [], grownBad: [], faults: [] }))),
    ),
  ],
  dictionary: words([
    'geometry',
    'eraseSize',
    'writeSize',
    'wear',
    '0*8',
    '4294967296*1',
    '17179869184',
    'faults',
    '"ever"',
    '1e308',
  ]),
  run: (bytes) => {
    const parsed = parseDescription(bytes.toString('utf8'), 'it');
    const text = formatDescription(parsed);
    must(formatDescription(parseDescription(text, 'it')) === text, 'it reads back otherwise');
    must(parsed.wear.length === parsed.geometry.size / parsed.geometry.eraseSize, 'wear of other blocks');
    return `${parsed.geometry.type} ${parsed.faults.length}`;
  },
};
