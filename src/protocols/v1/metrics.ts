import type { UpdateService } from '../../service/update-service.js';
import type { HttpCounters } from '../http/counters.js';

/** Content type of the text format that `renderMetrics` writes. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** What is counted outside the service. */
export interface MetricsSources {
  readonly http: HttpCounters;
  /** Clients that watch events now. */
  readonly watchers: number;
}

/** Everything that is counted, as Prometheus reads it (exposition format 0.0.4). */
export function renderMetrics(service: UpdateService, { http, watchers }: MetricsSources): string {
  const page = new MetricsPage();
  const { counters, job, partitions, unfinished } = service;
  page.counter(
    'sluice_updates_total',
    'Updates that have ended, by outcome.',
    Object.entries(counters.outcomes).map(([outcome, count]) => [{ outcome }, count]),
  );
  page.counter(
    'sluice_update_errors_total',
    'Updates that were refused, failed or were interrupted, by error code.',
    [...counters.errors].map(([code, count]) => [{ code }, count]),
  );
  page.counter(
    'sluice_jobs_total',
    'Updates and checks that have ended.',
    Object.entries(counters.jobs).map(([kind, count]) => [{ kind }, count]),
  );
  page.counter(
    'sluice_received_bytes_total',
    'Bytes of bundles that ended jobs have received.',
    Object.entries(counters.received).map(([kind, bytes]) => [{ kind }, bytes]),
  );
  page.counter(
    'sluice_image_bytes_total',
    'Bytes of the images of updates.',
    [...counters.partitions].map(([partition, { bytes }]) => [{ partition }, bytes]),
  );
  page.counter(
    'sluice_flash_blocks_total',
    'Erase blocks by what updates have done to them; without_erase are those that could be programmed as they were.',
    [...counters.partitions].flatMap(([partition, counts]): Sample[] => [
      [{ partition, action: 'skipped' }, counts.skipped],
      [{ partition, action: 'erased' }, counts.erased],
      [{ partition, action: 'programmed' }, counts.programmed],
      [{ partition, action: 'without_erase' }, counts.programmedWithoutErase],
      [{ partition, action: 'read_back' }, counts.readBack],
      [{ partition, action: 'retried' }, counts.retried],
      [{ partition, action: 'marked_bad' }, counts.bad],
    ]),
  );
  page.gauge('sluice_job_running', 'Whether a job of this kind is under way.', [
    [{ kind: 'update' }, job?.kind === 'update' ? 1 : 0],
    [{ kind: 'check' }, job?.kind === 'check' ? 1 : 0],
  ]);
  if (job !== null) {
    if (job.percent !== null) {
      page.gauge('sluice_job_percent', 'How far the running job is, in percent: by time, not by bytes.', [
        [{}, job.percent],
      ]);
    }
    page.gauge('sluice_job_received_bytes', 'Bytes that the running job has received.', [[{}, job.received]]);
    if (job.total !== null) {
      page.gauge('sluice_job_size_bytes', 'Size of the bundle of the running job.', [[{}, job.total]]);
    }
    const rows = Object.entries(job.partitions);
    page.gauge(
      'sluice_job_blocks',
      'Erase blocks of the images of the running job.',
      rows.map(([partition, { blocks }]) => [{ partition }, blocks]),
    );
    page.gauge(
      'sluice_job_blocks_done',
      'Erase blocks that the running job is done with.',
      rows.map(([partition, { done }]) => [{ partition }, done]),
    );
  }
  page.gauge(
    'sluice_partition_size_bytes',
    'Size of each partition.',
    partitions.map(({ name, size }) => [{ partition: name }, size]),
  );
  page.gauge(
    'sluice_partition_info',
    'What the last update has left in each partition, if it is known.',
    partitions.flatMap(({ name, installed }): Sample[] => {
      if (installed === null) return [];
      const { version, sha256 } = installed;
      return [[{ partition: name, version: version ?? '', sha256: sha256 ?? '' }, 1]];
    }),
  );
  page.gauge(
    'sluice_partition_unfinished',
    'Whether an update was interrupted in the partition and none has finished it since.',
    partitions.map(({ name }) => [{ partition: name }, unfinished.includes(name) ? 1 : 0]),
  );
  page.counter(
    'sluice_http_errors_total',
    'Requests that were answered with an error, by error code; updates are counted apart.',
    [...http.errors].map(([code, count]) => [{ code }, count]),
  );
  page.counter('sluice_wrong_credentials_total', 'Requests with credentials that were wrong.', [
    [{}, http.wrongCredentials],
  ]);
  page.gauge('sluice_event_watchers', 'Clients that watch /v1/events now.', [[{}, watchers]]);
  page.gauge('process_resident_memory_bytes', 'Resident memory of the service.', [
    [{}, process.memoryUsage.rss()],
  ]);
  page.gauge('process_start_time_seconds', 'When the service was started, by the clock of the board.', [
    [{}, Math.round(performance.timeOrigin) / 1000],
  ]);
  return page.text;
}

/** Metrics as text; a family without samples is left out. */
class MetricsPage {
  text = '';

  counter(name: string, help: string, samples: readonly Sample[]): void {
    this.#family(name, 'counter', help, samples);
  }

  gauge(name: string, help: string, samples: readonly Sample[]): void {
    this.#family(name, 'gauge', help, samples);
  }

  #family(name: string, type: string, help: string, samples: readonly Sample[]): void {
    if (samples.length === 0) return;
    this.text += `# HELP ${name} ${help}\n# TYPE ${name} ${type}\n`;
    for (const [labels, value] of samples) this.text += `${name}${labelText(labels)} ${value}\n`;
  }
}

function labelText(labels: Labels): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${escaped(value)}"`);
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`;
}

/** The three escapes of the format; a version comes from a bundle and can need any of them. */
const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
