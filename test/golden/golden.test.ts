/**
 * The program behaves as commit 1bc326a did, from which test/golden/record was made: the same scenarios give the same
 * receipts, forecasts, errors and chips, field by field. Intended differences are listed in compare.ts, ADDED and
 * CHANGED. To record a new scenario: `npm run record:golden -- --program PATH NAME`, with a build of 1bc326a.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import {
  ADDED,
  Allowances,
  CHANGED,
  RISEN,
  differences,
  format,
  steady,
  type RecordedScenario,
} from './compare.js';
import { play } from './play.js';
import { SCENARIOS } from './scenarios.js';
import { Site } from './site.js';

const RECORD = resolve('test/golden/record');
const recordOf = (name: string): RecordedScenario =>
  JSON.parse(readFileSync(join(RECORD, `${name}.json`), 'utf8')) as RecordedScenario;

const names = SCENARIOS.map(({ name }) => name);
const allowed = new Allowances(ADDED, CHANGED, RISEN);
const site = new Site(resolve('dist/bin/sluice'));
t.teardown(() => site.close());
// A scenario waits for its processes; two at a time keep two cores busy.
t.jobs = 2;

t.test('each scenario has a record, and each record its scenario', async (t) => {
  t.same(readdirSync(RECORD).sort(), names.map((name) => `${name}.json`).sort());
});

const played = SCENARIOS.map((scenario) =>
  t.test(scenario.name, { buffered: true }, async (t) => {
    const found = await play(site, scenario);
    t.same(differences(scenario.name, recordOf(scenario.name), found, allowed), []);
  }),
);

t.test('each allowed difference was found', async (t) => {
  await Promise.all(played);
  t.same(allowed.unused, []);
});

t.test('every difference is reported', async (t) => {
  const recorded = recordOf('nor-cut-in-erase');
  const none = new Allowances([], []);
  const changed = (edit: (text: string) => string, allowances = none): string[] =>
    differences('nor-cut-in-erase', recorded, JSON.parse(edit(JSON.stringify(recorded))), allowances);
  t.same(
    changed((text) => text),
    [],
  );
  t.same(
    changed((text) => text.replace('"exit":7', '"exit":0')),
    ['step 1, exit: 7 was recorded, now 0'],
  );
  t.same(
    changed((text) => text.replace('"kernel":{"blocks":6,', '"kernel":{')),
    ['step 1, document.partitions.kernel.blocks: 6 was recorded, now nothing'],
  );
  const more = (text: string): string => text.replace('"session":{', '"session":{"proven":true,');
  const line = 'step 1, document.session.proven: nothing was recorded, now true';
  t.same(changed(more), [line]);
  const why = 'a test';
  t.same(changed(more, new Allowances([{ field: 'document.session.proven', why }], [])), []);
  const cut = (text: string): string => text.replace('"key":null', '"key":"OpenBMC"');
  const change = { field: 'document.*.key', from: null, to: 'OpenBMC', why };
  t.same(changed(cut, new Allowances([], [change])), []);
  t.same(changed(cut, new Allowances([], [{ ...change, scenarios: /^nand/ }])), [
    'step 1, document.trust.key: null was recorded, now "OpenBMC"',
  ]);
  const unneeded = new Allowances([], [change]);
  t.same([changed((text) => text, unneeded), unneeded.unused], [[], ['document.*.key']]);
  t.equal(changed((text) => text.replace(/,\{"source".*\}(?=\]\})/, '')).length > 10, true, 'a missing step');
});

t.test('a record reads back as written, without sentences and times', async (t) => {
  const text = readFileSync(join(RECORD, 'nor-proven.json'), 'utf8');
  t.equal(`${format(JSON.parse(text))}\n`, text);
  t.same(steady({ message: 'it failed', next: null, code: 'ERR', times: { wall: 1 }, flash: 'partial' }), {
    message: '<string>',
    next: null,
    code: 'ERR',
    times: { wall: '<number>' },
    flash: 'partial',
  });
});
