/** The kit that starts the service: what the other tests of the service rest on. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { bundleBytes, generateBundle } from '../kit/generated-bundle.js';
import { startService } from '../kit/serve-kit.js';
import { VECTORS } from './board.js';

t.test('a service of the kit takes bundles of both of its keys, and ends when it is told to', async (t) => {
  const service = await startService(t);
  t.match(service.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  const stock = await service.curl('/v1/update?trust=before-commit', '-T', join(VECTORS, 'good-stock.tar'));
  t.match(stock, { code: 0, status: 200 });
  t.match(stock.json, { outcome: 'committed' });
  const made = bundleBytes(generateBundle({ images: [{ name: 'kernel', size: 100_000 }] }));
  const answer = await service.request('/v1/update', { method: 'POST', body: made });
  t.equal(answer.status, 200, answer.text);
  t.match(answer.json, { outcome: 'committed', trust: { key: 'Generated' } });
  t.ok(service.anonymous() > 1_000_000);
  t.equal((await service.request('/v1/status', { token: null })).status, 401);
  t.equal(await service.stop(), 0);
  t.match(readFileSync(join(service.state, 'receipts/000001.json'), 'utf8'), /committed/);
});

t.test('a chip of another layout and timing', async (t) => {
  const service = await startService(t, {
    sim: ['--layout', 'quanta-q71l'],
    timing: { model: 'w25q256jv', scale: 0.001 },
  });
  const { json } = await service.request('/v1/status');
  t.equal(json.flash.partitions.length, 6);
});
