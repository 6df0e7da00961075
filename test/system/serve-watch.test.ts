/** Events, metrics and health of the service as it is shipped. */
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { makeBundle } from '../kit/bundle-maker.js';
import { readEvents } from '../kit/event-reader.js';
import { parseMetrics } from '../kit/prometheus.js';
import { startService, type Service } from '../kit/serve-kit.js';
import { BLOCK } from './board.js';
import { until } from './start.js';
import { noise } from '../kit/noise.js';

const images = { kernel: noise(5 * BLOCK - 100, 1), rofs: noise(12 * BLOCK, 2) };
const bundle = makeBundle({ images, kind: 'proven', blockSize: BLOCK }).bytes;

const send = (service: Service, body: Uint8Array, path = '/v1/update') =>
  service.request(path, { method: 'POST', body });

const metricsOf = async (service: Service) => parseMetrics((await service.request('/metrics')).text);

t.test('events tell of an update from its beginning to its receipt', async (t) => {
  const service = await startService(t);
  const headers = { authorization: `Bearer ${service.token}` };
  const watcher = await readEvents(t, `${service.url}/v1/events`, headers);
  const state = await watcher.next('state');
  t.equal(state.data.job, null);
  t.same(
    state.data,
    (await service.request('/v1/status')).json,
    'the state is that of /v1/status, so that a watcher may begin with either',
  );

  const answer = await send(service, bundle);
  t.equal(answer.status, 200);
  const begin = await watcher.next('job');
  t.match(begin.data, { kind: 'update', only: null, total: bundle.length, from: { user: 'token' } });
  const end = await watcher.next('receipt');
  t.same(end.data.receipt, answer.json);
  t.equal(watcher.events.findLast(({ type }) => type === 'job')?.data, null, 'the job is over');

  const maps: Record<string, string[]> = {};
  for (const { type, data } of watcher.events) {
    if (type !== 'blocks') continue;
    for (const [name, { from, blocks }] of Object.entries<{ from: number; blocks: string }>(data)) {
      const map = (maps[name] ??= []);
      for (const [at, letter] of [...blocks].entries()) map[from + at] = letter;
    }
  }
  const { partitions } = answer.json;
  for (const name of ['kernel', 'rofs']) {
    const letters = maps[name]?.join('') ?? '';
    const written = letters.match(/w/g)?.length ?? 0;
    t.equal(written, partitions[name].programmed, `${name}: ${letters}`);
    t.equal(written + (letters.match(/=/g)?.length ?? 0), partitions[name].blocks);
  }
  const numbers = watcher.events.map(({ id }) => Number(id.split('-')[1]));
  t.same(
    numbers,
    numbers.map((_, at) => (numbers[0] ?? 0) + at),
    'without gaps',
  );

  const again = await readEvents(t, `${service.url}/v1/events?after=${begin.id}`, headers);
  await again.next('receipt');
  t.same(
    again.events,
    watcher.events.slice(watcher.events.indexOf(begin) + 1),
    'who was cut off gets the rest, the same',
  );
  const { map } = (await service.request('/v1/status')).json;
  t.equal(map.rofs, maps['rofs']?.join(''), 'the map stays until the next job');
});

t.test('events and metrics are not for everybody, health is', async (t) => {
  const service = await startService(t);
  for (const path of ['/v1/events', '/metrics', '/v1/status']) {
    t.equal((await service.request(path, { token: null })).status, 401, path);
    t.equal((await service.request(path, { token: 'wrong' })).status, 401, path);
  }
  const health = await service.request('/health', { token: null });
  t.equal(health.status, 200);
  t.equal(health.text, 'ok\n');
  t.equal(health.headers['cache-control'], 'no-store');
  const head = await service.request('/health', { token: null, method: 'HEAD' });
  t.equal(head.status, 200);
  t.equal(head.text, '');
  t.equal((await service.request('/health', { token: null, method: 'POST' })).status, 405);
  const open = await startService(t, { config: { http: { metricsWithoutCredentials: true } } });
  t.equal((await open.request('/metrics', { token: null })).status, 200, 'where the configuration says so');
  t.equal((await open.request('/v1/events', { token: null })).status, 401);
});

t.test('metrics count what receipts tell, and are as Prometheus reads them', async (t) => {
  const service = await startService(t);
  const before = await metricsOf(service);
  t.same(
    before.get('sluice_updates_total')?.samples,
    new Map(['committed', 'refused', 'failed', 'interrupted'].map((outcome) => [`outcome="${outcome}"`, 0])),
    'counters are there before there is something to count',
  );
  t.notOk(before.has('sluice_job_received_bytes'), 'no job');

  const { partitions } = (await send(service, bundle)).json;
  const damaged = Buffer.from(bundle);
  damaged.fill(1, damaged.length - 6 * BLOCK, damaged.length - 5 * BLOCK);
  t.equal((await send(service, damaged)).json.code, 'ERR_TRUST_BLOCK');
  t.equal((await send(service, bundle, '/v1/check')).status, 200);
  t.equal((await send(service, bundle, '/v1/update?only=bogus')).status, 400);
  await service.request('/v1/status', { token: 'wrong' });
  await service.request('/v1/status', { token: null });
  const watcher = await readEvents(t, `${service.url}/v1/events`, {
    authorization: `Bearer ${service.token}`,
  });
  await watcher.next('state');

  const answer = await service.request('/metrics');
  t.equal(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const families = parseMetrics(answer.text);
  const value = (name: string, labels = ''): number | undefined => families.get(name)?.samples.get(labels);
  t.equal(value('sluice_updates_total', 'outcome="committed"'), 1);
  t.equal(value('sluice_updates_total', 'outcome="refused"'), 1);
  t.equal(value('sluice_update_errors_total', 'code="ERR_TRUST_BLOCK"'), 1);
  t.equal(value('sluice_jobs_total', 'kind="check"'), 1);
  t.equal(value('sluice_received_bytes_total', 'kind="check"'), bundle.length);
  const blocks = (action: string) =>
    value('sluice_flash_blocks_total', `partition="kernel",action="${action}"`) ?? 0;
  t.equal(blocks('programmed'), partitions.kernel.programmed);
  t.equal(blocks('erased'), partitions.kernel.erased);
  t.equal(blocks('skipped'), partitions.kernel.blocks, 'the second one found all of it right');
  t.equal(value('sluice_http_errors_total', 'code="ERR_USAGE_PARTITION"'), 1);
  t.equal(value('sluice_http_errors_total', 'code="ERR_BUSY_CREDENTIALS"'), 2);
  t.equal(value('sluice_wrong_credentials_total'), 1, 'none at all are not wrong ones');
  t.equal(value('sluice_event_watchers'), 1);
  t.equal(value('sluice_job_running', 'kind="update"'), 0);
  const rss = value('process_resident_memory_bytes') ?? 0;
  t.ok(rss > 20e6 && rss < 200e6, `${rss}`);
  const began = value('process_start_time_seconds') ?? 0;
  t.ok(Math.abs(began - Date.now() / 1000) < 60, `${began}`);
  const info = [...(families.get('sluice_partition_info')?.samples.keys() ?? [])];
  t.match(info.join('\n'), /partition="kernel",version="2\.19\.0",sha256="[0-9a-f]{64}"/);

  const tool = spawnSync('promtool', ['check', 'metrics'], { input: answer.text, encoding: 'utf8' });
  if (tool.error !== undefined) t.comment('promtool (Debian: prometheus) is not here');
  else t.equal(tool.status, 0, tool.stderr + tool.stdout);
});

t.test('metrics tell how far a job is', async (t) => {
  const service = await startService(t, { timing: { model: 'w25q256jv', scale: 0.3 } });
  const sending = send(service, bundle);
  let families = await metricsOf(service);
  const progress = () => families.get('sluice_job_blocks_done')?.samples.get('partition="kernel"') ?? 0;
  for (let tries = 0; progress() < 2; tries++) {
    if (tries > 1000) throw new Error('waited in vain');
    families = await metricsOf(service);
  }
  t.equal(families.get('sluice_job_running')?.samples.get('kind="update"'), 1);
  t.equal(families.get('sluice_job_size_bytes')?.samples.get(''), bundle.length);
  t.equal(families.get('sluice_job_blocks')?.samples.get('partition="kernel"'), 5);
  const received = families.get('sluice_job_received_bytes')?.samples.get('') ?? 0;
  t.ok(received > BLOCK && received < bundle.length, `${received}`);
  t.equal((await sending).status, 200);
});

t.test('20 idle watchers cost next to nothing', async (t) => {
  const service = await startService(t);
  const headers = { authorization: `Bearer ${service.token}` };
  const warm = await readEvents(t, `${service.url}/v1/events`, headers);
  await warm.next('state');
  const before = service.anonymous();
  const watchers = await Promise.all(
    Array.from({ length: 20 }, () => readEvents(t, `${service.url}/v1/events`, headers)),
  );
  await Promise.all(watchers.map((watcher) => watcher.next('state')));
  const cost = service.anonymous() - before;
  t.comment(`${cost / 1024} KiB`);
  t.ok(cost < 2 * 1024 * 1024, `${cost} bytes`);
  const ticks = () => cpuTicks(service.pid);
  const began = ticks();
  await new Promise((resolve) => setTimeout(resolve, 1500));
  t.ok(ticks() - began <= 2, 'and no time');
  for (const watcher of watchers) watcher.close();
  let left = 20;
  for (let tries = 0; left > 1 && tries < 500; tries++) {
    left = (await metricsOf(service)).get('sluice_event_watchers')?.samples.get('') ?? 0;
  }
  t.equal(left, 1, 'those who go are forgotten');
});

t.test('a service that is stopped ends its streams', async (t) => {
  const service = await startService(t);
  const watcher = await readEvents(t, `${service.url}/v1/events`, {
    authorization: `Bearer ${service.token}`,
  });
  await watcher.next('state');
  t.equal(await service.stop(), 0);
  await until(() => watcher.ended, 'the stream ends');
});

/** Hundredths of a second that a process has computed. */
function cpuTicks(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(fields[11]) + Number(fields[12]);
}
