import type { UpdateService } from '../../service/update-service.js';
import type { HttpCounters } from '../http/counters.js';

/** Content type of the text format that `renderMetrics` writes. */
export const METRICS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/** Counts from outside the update service. */
export interface MetricsSources {
  readonly http: HttpCounters;
  /** Open event streams. */
  readonly watchers: number;
}

/** All metrics in the text format of Prometheus (exposition format 0.0.4). */
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
    'Updates that were refused, failed or interrupted, by error code.',
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
    'Erase blocks by what updates did to them; without_erase: programmed without an erase.',
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
  page.gauge('sluice_job_running', 'Whether a job of this kind is running.', [
    [{ kind: 'update' }, job?.kind === 'update' ? 1 : 0],
    [{ kind: 'check' }, job?.kind === 'check' ? 1 : 0],
  ]);
  if (job !== null) {
    if (job.percent !== null) {
      page.gauge('sluice_job_percent', 'Progress of the running job in percent, weighted by time.', [
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
      'Erase blocks that the running job has completed.',
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
    'Version and digest that the last update wrote to each partition, if known.',
    partitions.flatMap(({ name, installed }): Sample[] => {
      if (installed === null) return [];
      const { version, sha256 } = installed;
      return [[{ partition: name, version: version ?? '', sha256: sha256 ?? '' }, 1]];
    }),
  );
  page.gauge(
    'sluice_partition_unfinished',
    'Whether an update of the partition was interrupted and none has completed since.',
    partitions.map(({ name }) => [{ partition: name }, unfinished.includes(name) ? 1 : 0]),
  );
  page.counter(
    'sluice_http_errors_total',
    'Requests answered with an error, by error code; updates are counted in sluice_update_errors_total.',
    [...http.errors].map(([code, count]) => [{ code }, count]),
  );
  page.counter('sluice_wrong_credentials_total', 'Requests with wrong credentials.', [
    [{}, http.wrongCredentials],
  ]);
  page.gauge('sluice_event_watchers', 'Open streams of /v1/events.', [[{}, watchers]]);
  page.gauge('process_resident_memory_bytes', 'Resident memory of the service.', [
    [{}, process.memoryUsage.rss()],
  ]);
  page.gauge('process_start_time_seconds', 'Start time of the service, by the clock of the board.', [
    [{}, Math.round(performance.timeOrigin) / 1000],
  ]);
  return page.text;
}

/** Collects the text. Families without samples are omitted. */
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

/** The three escapes of the format. The version of a bundle may need any of them. */
const escaped = (value: string): string =>
  value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n');
