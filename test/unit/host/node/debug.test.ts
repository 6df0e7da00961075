/** The debug channel is there only if NODE_DEBUG names sluice. */
import t from 'tap';
import { debugChannel } from '../../../../src/host/node/debug.js';

t.test('without NODE_DEBUG, or with that of others, there is no channel', async (t) => {
  for (const NODE_DEBUG of [undefined, '', 'http', 'http,net', 'sluicegate']) {
    t.equal(await debugChannel({ NODE_DEBUG }), undefined, String(NODE_DEBUG));
  }
});

t.test('with a topic of sluice there is one', async (t) => {
  for (const NODE_DEBUG of ['sluice:*', 'sluice*', 'http,sluice:journal', 'SLUICE:SESSION']) {
    t.type(await debugChannel({ NODE_DEBUG }), 'function', NODE_DEBUG);
  }
});
