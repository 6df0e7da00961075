import type { JobProgress } from '../service/job-monitor.js';
import type { JobState } from '../service/service-state.js';

/** What the service does, in one line for `systemctl status`. */
export function jobLine(job: JobState | null): string {
  if (job === null) return 'waiting for an update';
  const parts = [`${job.kind}: ${job.phase}`];
  const share = shareOf(job);
  parts.push(share === null ? `${mib(job.received)} taken` : `${Math.floor(share * 100)} %`);
  const now = Object.entries(job.partitions).findLast(([, { blocks }]) => blocks > 0);
  if (now !== undefined) parts.push(`${now[0]} ${now[1].done} of ${now[1].blocks} blocks`);
  if (job.rate > 0) parts.push(`${mib(job.rate)}/s`);
  if (job.secondsLeft !== null && job.secondsLeft > 0) parts.push(`${job.secondsLeft} s left`);
  return parts.join(', ');
}

/** How much of a job is done, 0 to 1; null when its size is not known. */
function shareOf({ received, total }: JobProgress): number | null {
  return total === null || total === 0 ? null : Math.min(1, received / total);
}

const mib = (bytes: number): string => `${(bytes / 2 ** 20).toFixed(1)} MiB`;
