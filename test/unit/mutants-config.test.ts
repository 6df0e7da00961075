import t from 'tap';
// @ts-expect-error -- plain JavaScript
import config from '../../stryker.config.mjs';
// @ts-expect-error -- plain JavaScript
import { strykerPlugins } from '../proof/mutants/stryker-plugins.mjs';

t.test('npm run test:mutants finds the plugins that its configuration names', (t) => {
  const { testRunner, ignorers } = config as { testRunner: string; ignorers: string[] };
  const declared = (strykerPlugins as { kind: string; name: string }[]).map(
    ({ kind, name }) => `${kind} ${name}`,
  );
  const named = [`TestRunner ${testRunner}`, ...ignorers.map((name) => `Ignore ${name}`)];
  t.same(declared.toSorted(), named.toSorted());
  t.end();
});
