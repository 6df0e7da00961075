/** One percentage: an update that stands still has the same number wherever it is shown. */
import { once } from 'node:events';
import { request } from 'node:http';
import { setTimeout } from 'node:timers/promises';
import t from 'tap';
import { readEvents } from '../kit/event-reader.js';
import { bundleBytes, generateBundle } from '../kit/generated-bundle.js';
import { parseMetrics } from '../kit/prometheus.js';
import { startService } from '../kit/serve-kit.js';
import { sluice } from './run.js';

const PUSH = '/redfish/v1/UpdateService/update';
const TASKS = '/redfish/v1/TaskService/Tasks';
const OCTETS = { 'content-type': 'application/octet-stream' };

const kernel = { name: 'kernel', size: 320_000, seed: 1 };
const before = bundleBytes(generateBundle({ images: [kernel] }));
const bundle = bundleBytes(generateBundle({ images: [kernel, { name: 'rofs', size: 500_000, seed: 2 }] }));

t.test('status, events, Redfish, metrics and the terminal show one percentage', async (t) => {
  const service = await startService(t, { timing: { model: 'w25q256jv', scale: 0.1 } });
  const headers = { authorization: `Bearer ${service.token}` };
  const first = await service.request('/v1/update', { method: 'POST', body: before });
  t.equal(first.status, 200, first.text);
  const events = await readEvents(t, `${service.url}/v1/events`, headers);

  const length = { 'content-length': bundle.length };
  const upload = request(`${service.url}${PUSH}`, {
    method: 'POST',
    headers: { ...headers, ...OCTETS, ...length },
    agent: false,
  });
  const answered = once(upload, 'response');
  const half = Math.floor(bundle.length * 0.6);
  upload.write(bundle.subarray(0, half));
  const jobNow = async () => (await service.request('/v1/status')).json.job;
  let job = null;
  // What was sent is written, and the last event is out.
  for (let still = 0; still < 4; await setTimeout(150)) {
    const now = await jobNow();
    still = now !== null && now.received === job?.received && now.partitions.rofs?.done > 0 ? still + 1 : 0;
    job = now;
  }
  const { percent, received, total } = job;
  t.ok(Number.isInteger(percent) && percent > 0 && percent < 100, `${percent}`);
  t.ok(percent < (received / total) * 75, `the kernel was unchanged: ${percent} % of the work`);

  const { Members } = (await service.request(TASKS)).json;
  const task = (await service.request(Members.at(-1)['@odata.id'])).json;
  t.equal(task.PercentComplete, percent, 'Redfish');
  t.equal(events.events.findLast(({ type }) => type === 'progress')?.data.percent, percent, 'events');
  const metrics = parseMetrics((await service.request('/metrics')).text);
  t.equal(metrics.get('sluice_job_percent')?.samples.get(''), percent, 'metrics');
  const env = { ...process.env, SLUICE_TOKEN: service.token };
  const status = await sluice(['status', service.url], { env });
  t.match(status.stdout, new RegExp(`^update \\S+: receiving, ${percent} %, `, 'm'), 'terminal');
  t.equal((await jobNow()).percent, percent, 'it stood still');

  upload.end(bundle.subarray(half));
  const [answer] = await answered;
  t.equal(answer.statusCode, 202);
  answer.resume();
  const percents = events.events.filter(({ type }) => type === 'progress').map(({ data }) => data.percent);
  const again = percents.slice(percents.indexOf(percent));
  t.strictSame(
    again,
    [...again].sort((a, b) => a - b),
    'it never falls',
  );
});
