import t from 'tap';
import { fromUtf8, toUtf8 } from '../../../src/core/utf8.js';

t.test('text becomes the UTF-8 that Node makes of it, and text again', (t) => {
  for (const text of ['', 'plain %41 text', '\0\x7f\x80ÿ', 'grün', '\u0800\uffff', 'a\u{10000}b\u{10ffff}']) {
    const bytes = toUtf8(text);
    t.same(Buffer.from(bytes), Buffer.from(text), JSON.stringify(text));
    t.equal(fromUtf8(bytes), text);
  }
  t.same(Buffer.from(toUtf8('a\ud800b\udc00')), Buffer.from('a\ufffdb\ufffd'), 'halves of surrogates');
  t.end();
});

t.test('what is not UTF-8 is refused', (t) => {
  for (const hex of ['80', 'c3', 'c328', 'c080', 'eda080', 'f4908080', 'ff', '61e28261', 'e282']) {
    t.equal(fromUtf8(Buffer.from(hex, 'hex')), null, hex);
  }
  t.end();
});
