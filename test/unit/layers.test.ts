/** The check of the direction of imports finds a seeded violation of each kind. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t from 'tap';
// @ts-expect-error a script without types
import { layerFaults } from '../../.ci/layers.mjs';
// @ts-expect-error a script without types
import { ROOMS } from '../../.ci/rooms.mjs';

const faultsOf = layerFaults as (root: string, table?: Record<string, string[]>) => string[];

/** Faults of a tree of files, by path with their text. */
function check(t: Tap, files: Record<string, string>, table?: Record<string, string[]>): string[] {
  const root = t.testdir();
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true });
    writeFileSync(join(root, path), text);
  }
  return faultsOf(root, table ?? ROOMS);
}
type Tap = { testdir(): string };

const to = (path: string): string => `import { x } from '${path}';\nexport const y = x;\n`;

t.test('src itself has no faults', async (t) => {
  t.same(faultsOf('src'), []);
});

t.test('an import downwards is no fault, nor one within a room', async (t) => {
  const files = {
    'core/errors.ts': '',
    'core/bundle/members.ts': to('../errors.js'),
    'service/a.ts': to('./b.js'),
    'service/b.ts': to('../core/bundle/members.js'),
  };
  t.same(check(t, files), []);
});

t.test('an upward import is found, whatever its form', async (t) => {
  const texts = {
    static: to('../../service/service.js'),
    type: "import type { S } from '../../service/service.js';\nexport type T = S;\n",
    late: "export const load = () => import('../../service/service.js');\n",
    again: "export * from '../../service/service.js';\n",
  };
  for (const [form, text] of Object.entries(texts)) {
    const faults = check(t, { 'service/service.ts': '', 'core/flash/device.ts': text });
    t.same(
      faults,
      ['core/flash/device.ts: core/flash must not import from service (service/service.ts)'],
      form,
    );
  }
});

t.test('a room does not reach past its neighbours', async (t) => {
  const files = {
    'core/update/resume/journal.ts': '',
    'core/update/write/writer.ts': to('../resume/journal.js'),
  };
  t.match(check(t, files), [
    /^core\/update\/write\/writer\.ts: core\/update\/write must not import from core\/update\/resume/,
  ]);
});

t.test('protocols do not import each other', async (t) => {
  const files = { 'protocols/v1/v1.ts': '', 'protocols/redfish/tasks.ts': to('../v1/v1.js') };
  t.match(check(t, files), [
    /^protocols\/redfish\/tasks\.ts: protocols\/redfish must not import from protocols\/v1/,
  ]);
});

t.test('a portable room imports nothing of Node or npm', async (t) => {
  for (const name of ['node:fs', 'xxhash-wasm']) {
    const faults = check(t, { 'core/trust/keys.ts': `import fs from '${name}';\nexport default fs;\n` });
    t.same(faults, [`core/trust/keys.ts: a portable room must not import '${name}'`]);
  }
});

t.test('a file outside of all rooms is found', async (t) => {
  t.same(check(t, { 'helpers/misc.ts': '' }), ['helpers/misc.ts: the file is in no room of .ci/rooms.mjs']);
});

t.test('a cycle of files is found', async (t) => {
  const files = { 'service/a.ts': to('./b.js'), 'service/b.ts': to('./a.js') };
  t.same(check(t, files), ['a cycle of files: service/a.ts -> service/b.ts -> service/a.ts']);
});

t.test('a table that lets two rooms import each other is a fault itself', async (t) => {
  const table = { ...ROOMS, core: ['service'] } as Record<string, string[]>;
  t.match(check(t, {}, table), [/^a cycle of rooms: core -> service -> core$/]);
});
