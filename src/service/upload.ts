import { Feed, type FeedLimits } from './feed.js';
import type { JobMonitor } from './job-monitor.js';
import type { UpdateRequest } from './update-request.js';
import type { Work } from './work.js';

/** A job of the service: what was asked for, how far it is, and the feed that its bytes come by. */
export class Upload<T = unknown> extends Feed<T> {
  /** Of its receipt. */
  readonly id: string;
  readonly request: UpdateRequest;
  readonly monitor: JobMonitor;

  /** @param limits - `resumeWithin` is for senders that gave a resume key */
  constructor(id: string, request: UpdateRequest, monitor: JobMonitor, work: Work<T>, limits: FeedLimits) {
    super(work, request.resume === null ? { ...limits, resumeWithin: 0 } : limits);
    this.id = id;
    this.request = request;
    this.monitor = monitor;
  }
}
