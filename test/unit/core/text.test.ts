import t from 'tap';
import { joinNames, printable, quoteName, splitNames } from '../../../src/core/text.js';

t.test('names with commas, blanks and backslashes come out of a list as they went in', (t) => {
  const names = ['rofs', 'NAND 128MiB 3,3V 8-bit', 'a\\', 'b\\,c', ',', 'é🙂'];
  t.same(splitNames(joinNames(names)), names);
  for (const name of names) t.same(splitNames(joinNames([name])), [name], name);
  t.same(splitNames(' kernel , u-boot '), ['kernel', 'u-boot']);
  t.same(splitNames('a\\b'), ['a\\b'], 'a backslash before another character is itself');
  for (const list of ['', ',', 'a,', ',a', 'a,,b', ' '])
    t.equal(splitNames(list), null, JSON.stringify(list));
  t.end();
});

t.test('a name is quoted unless it is one word of printable ASCII', (t) => {
  t.equal(quoteName('spi0.0'), 'spi0.0');
  const quoted = { '': '""', 'a b': '"a b"', 'a,b': '"a,b"', 'a"': '"a\\""', '\x1b[2J': '"\\x1b[2J"' };
  for (const [name, wanted] of Object.entries(quoted)) t.equal(quoteName(name), wanted);
  t.end();
});

t.test('no text drives a terminal, ends a line or turns its direction', (t) => {
  const controls = '\0\t\n\x1b\x7f\x85\x9f\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2066\u2069';
  t.equal(printable(`a${controls}é🙂`), `a${'?'.repeat(controls.length)}é🙂`);
  t.end();
});
