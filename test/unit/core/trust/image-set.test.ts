import t from 'tap';
import { requireKnownSet } from '../../../../src/core/trust/image-set.js';

const set = (...names: string[]) => new Map(names.map((name) => [`image-${name}`, null]));
const only = (...names: string[]) => names.map((name) => `image-${name}`);

t.test('all parts of a board, or the whole of it, need no word of the operator', (t) => {
  t.doesNotThrow(() => requireKnownSet(set('kernel', 'rofs', 'rwfs', 'u-boot'), null));
  t.doesNotThrow(() => requireKnownSet(set('rwfs', 'u-boot', 'kernel', 'rofs', 'hostfw'), only('kernel')));
  t.doesNotThrow(() => requireKnownSet(set('bmc'), null));
  t.end();
});

t.test('other sets are taken only where exactly they were asked for', (t) => {
  t.doesNotThrow(() => requireKnownSet(set('kernel'), only('kernel')));
  t.doesNotThrow(() => requireKnownSet(set('rofs', 'kernel'), only('kernel', 'rofs')));
  const refused: [Map<string, null>, string[] | null][] = [
    [set('kernel'), null],
    // A kernel passed off as the whole chip, beside the rest of its own bundle.
    [set('bmc', 'rofs', 'rwfs', 'u-boot'), only('kernel')],
    [set('bmc', 'rofs', 'rwfs', 'u-boot'), null],
    [set('rofs'), only('kernel')],
    [set('kernel', 'rofs'), only('kernel')],
    [set('kernel'), only('kernel', 'rofs')],
  ];
  for (const [images, names] of refused) {
    t.throws(
      () => requireKnownSet(images, names),
      { code: 'ERR_TRUST_UNVOUCHED' },
      [...images.keys()].join(),
    );
  }
  t.end();
});
