import { Feed, type FeedLimits } from './feed.js';
import type { JobMonitor } from './job-monitor.js';
import type { UpdateRequest } from './update-request.js';
import type { Work } from './work.js';

/** A job of the service: its request, its progress and its feed. */
export class Upload<T = unknown> extends Feed<T> {
  /** Id of its receipt. */
  readonly id: string;
  readonly request: UpdateRequest;
  readonly monitor: JobMonitor;

  /** @param limits - `resumeWithin` applies only to requests with a resume key */
  constructor(id: string, request: UpdateRequest, monitor: JobMonitor, work: Work<T>, limits: FeedLimits) {
    super(work, request.resume === null ? { ...limits, resumeWithin: 0 } : limits);
    this.id = id;
    this.request = request;
    this.monitor = monitor;
  }
}
