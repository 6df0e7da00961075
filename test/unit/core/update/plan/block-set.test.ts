import { array, assert, nat, property } from 'fast-check';
import t from 'tap';
import { BlockSet } from '../../../../../src/core/update/plan/block-set.js';

t.test('a block counts once, however often it is added', (t) => {
  const set = new BlockSet();
  t.equal(set.size, 0);
  set.add(5);
  set.add(5);
  set.add(6);
  t.equal(set.size, 2);
  t.same([...set], [5, 6]);
  t.end();
});

t.test('it has the blocks that were added and no others, however far behind they are', (t) => {
  for (const block of [0, 7, 8, 511, 512, 513, 1023, 1024, 8191, 100_000]) {
    const set = new BlockSet();
    set.add(3);
    set.add(block);
    t.ok(set.has(block), `block ${block}`);
    t.ok(set.has(3), 'it is still there');
    t.notOk(set.has(block + 1));
    t.notOk(set.has(block + 8));
    t.same(
      [...set],
      [3, block].sort((a, b) => a - b),
    );
  }
  t.end();
});

t.test('it is a set of numbers in ascending order', (t) => {
  assert(
    property(array(nat(3000), { maxLength: 200 }), (blocks) => {
      const set = new BlockSet();
      for (const block of blocks) set.add(block);
      const wanted = [...new Set(blocks)].sort((a, b) => a - b);
      return set.size === wanted.length && [...set].join() === wanted.join();
    }),
  );
  t.end();
});

t.test('all blocks of a large chip get in', (t) => {
  const set = new BlockSet();
  for (let block = 0; block < 8192; block++) set.add(block);
  t.equal(set.size, 8192);
  t.notOk(set.has(8192));
  t.equal([...set].length, 8192);
  t.end();
});
