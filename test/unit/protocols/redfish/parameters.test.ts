import t from 'tap';
import { parseUpdateParameters } from '../../../../src/protocols/redfish/parameters.js';

const nested = (depth: number): string => `{"Oem":${'['.repeat(depth)}${']'.repeat(depth)}}`;

t.test('an unknown member is accepted if it asks for nothing', (t) => {
  for (const member of ['{}', '[]', 'null', 'false', '""', '{"a":[null,{"b":""}]}'])
    t.equal(parseUpdateParameters(`{"Oem":${member}}`, []), null, member);
  for (const member of ['true', '0', '" "', '[[1]]', '{"a":{"b":true}}', '{"__proto__":"x"}'])
    t.throws(
      () => parseUpdateParameters(`{"Oem":${member}}`, []),
      { message: /Oem is not in the list/ },
      member,
    );
  t.end();
});

t.test('a member named __proto__ is a member like any other', (t) => {
  t.equal(parseUpdateParameters('{"__proto__":{}}', []), null);
  t.throws(() => parseUpdateParameters('{"__proto__":{"Targets":["/x"]}}', []), {
    message: /__proto__ is not in the list/,
  });
  t.throws(() => parseUpdateParameters('{"__proto__":{},"\\u005f_proto__":{}}', []), { message: /JSON/ });
  t.end();
});

t.test('deep nesting is refused without a stack overflow', (t) => {
  t.equal(parseUpdateParameters(nested(31), []), null);
  for (const depth of [32, 2000, 100_000])
    t.throws(() => parseUpdateParameters(nested(depth), []), { message: /JSON/ }, `${depth}`);
  t.end();
});
