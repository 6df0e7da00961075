import t from 'tap';
import { difference, sameBytes } from './same-bytes.js';

t.test('the first offset that differs is named, with what is there', async (t) => {
  const bytes = new Uint8Array(5000).fill(7);
  t.equal(difference(bytes, bytes.slice()), null);
  t.equal(
    difference(bytes.slice().fill(8, 4096), bytes),
    '5000 bytes, 5000 wanted; they differ from offset 0x1000: 0808080808080808, wanted 0707070707070707',
  );
  t.equal(
    difference(bytes.subarray(0, 16), bytes),
    '16 bytes, 5000 wanted; they differ from offset 0x10: the end, wanted 0707070707070707',
  );
  sameBytes(t, bytes, bytes.slice());
});
