/** The configuration file: every mistake is named with its path, and the shipped schema says the same as the program. */
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import t from 'tap';
import { CONFIG, configSchema, type Config } from '../../../src/config/keys.js';
import {
  group,
  key,
  listOf,
  mapOf,
  mistakesIn,
  oneOf,
  text,
  wholeNumber,
} from '../../../src/config/shape.js';

/** What a JSON schema says of a value: the keywords that the shipped one uses, and no other. */
function accepts(schema: Record<string, unknown>, value: unknown): boolean {
  const is = (keyword: string, holds: (operand: never) => boolean): boolean =>
    !Object.hasOwn(schema, keyword) || holds(schema[keyword] as never);
  const unknown = Object.keys(schema).filter((keyword) => !KEYWORDS.has(keyword));
  if (unknown.length > 0) throw new Error(`keyword ${unknown.join()}`);
  const object = typeof value === 'object' && value !== null && !Array.isArray(value);
  const fields = object ? Object.entries(value as object) : [];
  const properties = (schema['properties'] ?? {}) as Record<string, Record<string, unknown>>;
  return (
    is('type', (type: string) => typeOf(value, type)) &&
    is('enum', (names: unknown[]) => names.includes(value)) &&
    is('minLength', (least: number) => typeof value !== 'string' || value.length >= least) &&
    is('pattern', (pattern: string) => typeof value !== 'string' || new RegExp(pattern, 'u').test(value)) &&
    is('minimum', (least: number) => typeof value !== 'number' || value >= least) &&
    is('maximum', (most: number) => typeof value !== 'number' || value <= most) &&
    is('minItems', (least: number) => !Array.isArray(value) || value.length >= least) &&
    is('items', (item: never) => !Array.isArray(value) || value.every((each) => accepts(item, each))) &&
    is('anyOf', (some: never[]) => some.some((each) => accepts(each, value))) &&
    is('required', (names: string[]) => !object || names.every((name) => Object.hasOwn(value, name))) &&
    is(
      'dependentRequired',
      (needs: Record<string, string[]>) =>
        !object ||
        Object.entries(needs).every(
          ([name, others]) =>
            !Object.hasOwn(value, name) || others.every((other) => Object.hasOwn(value, other)),
        ),
    ) &&
    fields.every(([name, inner]) => {
      if (Object.hasOwn(properties, name)) return accepts(properties[name] as never, inner);
      const rest = schema['additionalProperties'];
      return rest === undefined || (rest !== false && accepts(rest as never, inner));
    })
  );
}

const KEYWORDS = new Set(
  `$schema title description default type enum minLength pattern minimum maximum minItems items anyOf required
  dependentRequired properties additionalProperties`.split(/\s+/),
);

function typeOf(value: unknown, type: string): boolean {
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return type === 'integer' ? Number.isInteger(value) : typeof value === type;
}

const FULL: Required<Config> = {
  $schema: 'sluice.schema.json',
  flash: 'mtd:',
  keys: '/etc/activationdata',
  machine: 'quanta-q71l',
  only: ['kernel', 'rofs'],
  forceMounted: ['rofs'],
  trust: 'before-commit',
  weakestTrust: 'unsigned',
  minimumVersion: '2.19.0',
  minimumSecurityVersion: 7,
  state: '/var/lib/sluice',
  resumeLimit: 5,
  resumeWithin: 0,
  idleExit: 300,
  http: {
    listen: [
      '127.0.0.1:0',
      '[::1]:8080',
      'http://localhost:80',
      'https://0.0.0.0:443',
      'unix:/run/sluice/http.sock',
      'systemd',
      { unix: '/run/x.sock', mode: '0660', group: 'flash', role: 'none' },
    ],
    tls: {
      certificate: 'c.pem',
      key: 'k.pem',
      clientCertificates: 'ca.pem',
      roles: { 'ci.example': 'Operator' },
      clientCertificatesOnly: true,
    },
    credentials: 'c.json',
    allowWithoutCredentials: 'read',
    metricsWithoutCredentials: true,
    hostNames: ['bmc'],
    plainTextBeyondLoopback: false,
    noCredentialsBeyondLoopback: true,
    limits: { connections: 1, head: 1, headBytes: 1024, silence: 1 },
    redfish: false,
    page: true,
  },
};

t.test('a file that says everything has no mistake', async (t) => {
  t.same(mistakesIn(FULL, CONFIG), []);
  t.same(mistakesIn({}, CONFIG), []);
  t.ok(accepts(configSchema() as never, FULL));
});

t.test('every mistake is told at once, with its path', async (t) => {
  const mistakes = mistakesIn(
    {
      flsh: 'x',
      keys: 7,
      trust: 'none',
      resumeWithin: 1.5,
      minimumSecurityVersion: 2 ** 60,
      http: {
        lsten: [],
        listen: ['127.0.0.1:65536', '127.0.0.1', 'unix:run', { unix: 'run', mode: '1234', gruop: 'x' }, 7],
        tls: { certificate: '', roles: { 'a.b': 'root' } },
        limits: { silence: 0, connections: 'many' },
        page: 1,
      },
      constructor: 1,
    },
    CONFIG,
  );
  t.same(mistakes, [
    'there is no key "flsh", did you mean "flash"?',
    'keys must be a text',
    'trust must be one of before-erase, before-commit, unsigned',
    'resumeWithin must be a whole number of seconds, from 0 to 86400',
    'minimumSecurityVersion must be a whole number, 0 or more',
    'http: there is no key "lsten", did you mean "listen"?',
    ...[0, 1, 2].map(
      (at) =>
        `http.listen[${at}] must be HOST:PORT, [IPV6]:PORT, unix:/PATH, systemd, or an object { "unix": "/PATH", "mode": "0660" }`,
    ),
    'http.listen[3].unix must be an absolute path',
    'http.listen[3].mode must be an octal mode such as "0660"',
    'http.listen[3]: there is no key "gruop", did you mean "group"?',
    'http.listen[4] must be HOST:PORT, [IPV6]:PORT, unix:/PATH, systemd, or an object { "unix": "/PATH", "mode": "0660" }',
    'http.tls.certificate must be a text',
    'http.tls.roles["a.b"] must be one of Administrator, Operator, ReadOnly',
    'http.tls.key is missing',
    'http.tls.roles requires http.tls.clientCertificates',
    'http.limits.silence must be a whole number of seconds, from 1 to 86400',
    'http.limits.connections must be a whole number, from 1 to 10000',
    'http.page must be true or false',
    'there is no key "constructor"',
  ]);
});

t.test('what is not one object is told as that', async (t) => {
  for (const value of [[], null, 'x', 3]) t.same(mistakesIn(value, CONFIG), ['must be one object']);
  t.same(mistakesIn({ http: [] }, CONFIG), ['http must be one object']);
});

t.test('the shipped schema is the one of the program, and each of its keys is documented', async (t) => {
  const shipped: unknown = JSON.parse(readFileSync('docs/sluice.schema.json', 'utf8'));
  t.same(shipped, JSON.parse(JSON.stringify(configSchema())), 'say npm run docs');
  const page = readFileSync('docs/service.md', 'utf8');
  const names = (schema: Record<string, unknown>): string[] =>
    Object.entries((schema['properties'] ?? {}) as Record<string, Record<string, unknown>>).flatMap(
      ([name, inner]) => [name, ...names(inner)],
    );
  for (const name of names(configSchema() as never))
    t.ok(page.includes(`\`${name}\``) || page.includes(`.${name}\``), name);
});

t.test('schema and program agree on documents that are nearly right', async (t) => {
  const schema = configSchema() as never;
  const odd = fc.oneof(
    fc.constantFrom<unknown>('', 'x', '/x', 0, 1, -1, 1.5, 60, 1e6, 2 ** 53, true, null, [], {}, [[]], ['x']),
    fc.constantFrom<unknown>(
      '[::1]:80',
      'http://x:1',
      'unix:/a',
      'a:99999',
      'Operator',
      'none',
      'read',
      '0660',
    ),
    fc.jsonValue({ maxDepth: 2 }),
  );
  /** Changes one place of a document: replaces, adds or takes away. */
  const change = (document: unknown, path: readonly number[], value: unknown, how: number): unknown => {
    if (typeof document !== 'object' || document === null || path.length === 0) return value;
    const copy: Record<string, unknown> = { ...document } as never;
    const keys = Object.keys(copy);
    const [first = 0, ...rest] = path;
    const name = keys[first % Math.max(1, keys.length)] ?? 'key';
    if (rest.length === 0 && how === 0) delete copy[name];
    else if (rest.length === 0 && how === 1) copy[`${name}s`] = value;
    else copy[name] = change(copy[name], rest, value, how);
    return Array.isArray(document) ? Object.values(copy) : copy;
  };
  let wrong = 0;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.array(fc.nat(20), { minLength: 1, maxLength: 4 }), odd, fc.nat(2)), {
        minLength: 1,
        maxLength: 3,
      }),
      (changes) => {
        const document = changes.reduce<unknown>(
          (at, [path, value, how]) => change(at, path, value, how),
          FULL,
        );
        const right = mistakesIn(document, CONFIG).length === 0;
        if (!right) wrong++;
        return accepts(schema, document) === right;
      },
    ),
    { numRuns: 3000 },
  );
  t.ok(wrong > 1000 && wrong < 3000, `${wrong} of 3000 were wrong`);
});

t.test('shapes by themselves', async (t) => {
  const shape = group(
    { name: key('', text(/^a/, 'an a')) },
    { list: key('', listOf(wholeNumber(1, 3), 'numbers')), map: key('', mapOf(oneOf(['x']), 'letters')) },
  );
  t.same(mistakesIn({ name: 'a', list: [1, 3], map: { __proto: 'x' } }, shape), []);
  t.same(mistakesIn({ list: [0, 4], map: { 'b c': 'y' } }, shape), [
    'list[0] must be a whole number, from 1 to 3',
    'list[1] must be a whole number, from 1 to 3',
    'map["b c"] must be one of x',
    'name is missing',
  ]);
});
