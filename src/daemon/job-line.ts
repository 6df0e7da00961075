import type { JobState } from '../service/service-state.js';

/** The activity of the service in one line, for `systemctl status`. */
export function jobLine(job: JobState | null): string {
  if (job === null) return 'waiting for an update';
  const parts = [`${job.kind}: ${job.phase}`];
  parts.push(job.percent === null ? `${mib(job.received)} received` : `${job.percent} %`);
  const now = Object.entries(job.partitions).findLast(([, { blocks }]) => blocks > 0);
  if (now !== undefined) parts.push(`${now[0]} ${now[1].done} of ${now[1].blocks} blocks`);
  if (job.rate > 0) parts.push(`${mib(job.rate)}/s`);
  if (job.secondsLeft !== null && job.secondsLeft > 0) parts.push(`${job.secondsLeft} s left`);
  return parts.join(', ');
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
