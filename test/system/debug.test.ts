/** What the program prints on its debug channel (docs/cli.md). */
import { join } from 'node:path';
import t from 'tap';
import { makeBoard, VECTORS } from './board.js';
import { scratch } from './stock-bundle.js';

t.test('NODE_DEBUG=sluice:* shows session and journal, and changes no result', async (t) => {
  const quiet = await write(t, undefined);
  const loud = await write(t, 'sluice:*');
  t.equal(loud.code, 0, loud.stderr);
  t.match(loud.stderr, /^SLUICE:SESSION \d+: receiving after 0 bytes/m);
  t.match(loud.stderr, /^SLUICE:SESSION \d+: image image-kernel, 70001 bytes/m);
  t.match(loud.stderr, /^SLUICE:JOURNAL \d+: the record is empty/m);
  t.match(loud.stderr, /^SLUICE:SESSION \d+: done after \d+ bytes/m);
  t.notMatch(quiet.stderr, /SLUICE/);
  t.same(loud.json.partitions, quiet.json.partitions);
});

t.test('a topic is printed by itself, and a failure with its code', async (t) => {
  const journal = await write(t, 'sluice:journal');
  t.match(journal.stderr, /SLUICE:JOURNAL/);
  t.notMatch(journal.stderr, /SLUICE:SESSION/);
  const refused = await write(t, 'sluice:session', 'bad-rofs-byte.tar');
  t.equal(refused.code, 3);
  t.match(refused.stderr, /^SLUICE:SESSION \d+: ERR_TRUST_/m);
});

/** Writes a tarball of the vectors on a fresh board. */
async function write(t: Parameters<typeof scratch>[0], debug: string | undefined, name = 'good-stock.tar') {
  const board = await makeBoard(scratch(t));
  const env = debug === undefined ? process.env : { ...process.env, NODE_DEBUG: debug };
  return board.write(join(VECTORS, name), ['--json'], { env });
}
