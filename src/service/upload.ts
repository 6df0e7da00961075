import { Feed } from './feed.js';
import type { JobMonitor } from './job-monitor.js';
import type { UpdateRequest } from './update-request.js';
import type { Work } from './work.js';

/** A job of the service: what was asked for, how far it is, and the feed that its bytes come by. */
export class Upload<T = unknown> extends Feed<T> {
  /** Of its receipt. */
  readonly id: string;
  readonly request: UpdateRequest;
  readonly monitor: JobMonitor;

  /** @param resumeWithin - milliseconds for which a sender that gave a resume key may return */
  constructor(id: string, request: UpdateRequest, monitor: JobMonitor, work: Work<T>, resumeWithin: number) {
    super(work, request.resume === null ? 0 : resumeWithin);
    this.id = id;
    this.request = request;
    this.monitor = monitor;
  }
}
