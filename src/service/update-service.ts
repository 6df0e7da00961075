/**
 * The service behind all protocols: one job at a time on one flash, receipts, checks and events. Protocols, such as HTTP
 * and Redfish, translate requests into an UpdateRequest and pass the bytes on; they decide nothing about the flash.
 *
 * @packageDocumentation
 */
import { asSluiceError, SluiceError } from '../core/errors.js';
import type { FlashTarget } from '../core/flash/device.js';
import type { Platform } from '../core/platform.js';
import type { TrustPolicy } from '../core/trust/trust.js';
import { requirePartitions } from '../core/update/plan/known-partitions.js';
import { Progress } from '../core/update/report/progress.js';
import type { Outcome } from '../core/update/report/receipt.js';
import { collectLater } from '../host/node/memory/heap.js';
import { stepsOf } from './apply.js';
import { CheckStore } from './checks.js';
import { EventHub } from './events.js';
import { JobMonitor } from './job-monitor.js';
import type { FlashSize } from './flash-size.js';
import type { ReceiptStore, StoredReceipt } from './receipts.js';
import type { JobState, PartitionState, ServiceState } from './service-state.js';
import { Counters } from './counters.js';
import { JobFactory, type JobTarget } from './job-factory.js';
import { KnownFlash } from './known-flash.js';
import type { CheckAnswer, UpdateResult } from './results.js';
import type { ServiceOptions } from './service-options.js';
import type { UpdateRequest } from './update-request.js';
import { ResumableUploads, type UploadTrace } from './resumable-uploads.js';
import { Upload } from './upload.js';
import { checkWork, updateWork, type Work } from './work.js';

interface Running {
  readonly kind: 'update' | 'check';
  readonly upload: Upload;
}

/** Seconds after which a client may try a busy flash again, if the remaining time is unknown. */
const DEFAULT_RETRY_AFTER_S = 30;

/** See the file comment. */
export class UpdateService {
  readonly events = new EventHub();
  readonly counters = new Counters();
  readonly #options: ServiceOptions;
  readonly #factory: JobFactory;
  readonly #checks: CheckStore;
  readonly #uploads = new ResumableUploads();
  readonly #flash = new KnownFlash();
  #running: Running | null = null;
  #lastOutcome: Outcome | null = null;
  #lastMap: Readonly<Record<string, string>> = {};
  /** True from the start of a job, before the flash is opened, to its end, after the flash is closed. */
  #busy = false;
  /** Settles when the job that is being opened has begun; null: none. */
  #opening: Promise<void> | null = null;
  #closed: SluiceError | null = null;
  /** Resolves when no job is running. */
  #idle: Promise<void> = Promise.resolve();
  #setIdle: () => void = () => {};

  private constructor(options: ServiceOptions) {
    this.#options = options;
    this.#factory = new JobFactory(options);
    this.#checks = new CheckStore(options.platform.now, options.keysVersion);
  }

  /**
   * Reads the partitions of the flash and its unfinished updates, and closes the flash again.
   * @throws SluiceError ERR_FLASH_*, ERR_USAGE_*
   */
  static async open(options: ServiceOptions): Promise<UpdateService> {
    const service = new UpdateService(options);
    const target = await options.open({ write: false });
    try {
      service.#flash.describe(target);
      requirePartitions(target, options.forceMounted);
      await service.#findUnfinished(target);
    } finally {
      await target.close();
    }
    return service;
  }

  get platform(): Platform {
    return this.#options.platform;
  }

  get receipts(): ReceiptStore {
    return this.#options.receipts;
  }

  get machine(): string | null {
    return this.#options.machine;
  }

  /** Policy of requests that name none. */
  get policy(): TrustPolicy {
    return this.#options.policy;
  }

  /** Bytes and erase blocks of all partitions together; overlapping areas count once. */
  get flashSize(): FlashSize {
    return this.#flash.size;
  }

  get partitions(): readonly PartitionState[] {
    const { receipts } = this.#options;
    return this.#flash.partitions.map((partition) => ({
      ...partition,
      installed: receipts.installed(partition.name),
    }));
  }

  /** Names of the partitions with an interrupted update and no completed one since. */
  get unfinished(): readonly string[] {
    return this.#flash.unfinished;
  }

  /** Outcome of the last update of this run; null before its end, and if it has no receipt. */
  get lastOutcome(): Outcome | null {
    return this.#lastOutcome;
  }

  /** The running job; null: none. */
  get job(): JobState | null {
    if (this.#running === null) return null;
    const { kind, upload } = this.#running;
    const { request, id, monitor } = upload;
    return { id, kind, from: request.from, only: request.only, ...monitor.progress };
  }

  /** Whether the flash is in use: a job is being opened, is running, is being closed or waits to be resumed. */
  get busy(): boolean {
    return this.#busy;
  }

  /** Whether the job waits for a client: for its commit, or for an interrupted sender to resume. */
  get waiting(): boolean {
    const upload = this.#running?.upload;
    return upload !== undefined && (upload.waiting || upload.proven);
  }

  get state(): ServiceState {
    const { receipts, machine, policy } = this.#options;
    const last = receipts.ids.at(-1);
    return {
      machine,
      policy,
      flash: { address: this.#flash.address, partitions: this.partitions },
      unfinished: this.unfinished,
      job: this.job,
      map: this.#running?.upload.monitor.map ?? this.#lastMap,
      lastReceipt: last === undefined ? null : receipts.read(last),
      event: this.events.cursor,
    };
  }

  /** Seconds after which a client should try a busy flash again. */
  get retryAfter(): number {
    const left = this.#running?.upload.monitor.progress.secondsLeft ?? null;
    return left === null ? DEFAULT_RETRY_AFTER_S : Math.min(600, Math.max(1, left));
  }

  /**
   * Requires that a new job can begin. `update` and `check` do so too; for protocols that refuse a request before they
   * read its body.
   * @throws SluiceError ERR_BUSY_FLASH; ERR_SESSION_INTERRUPTED if the service is being stopped
   */
  requireIdle(): void {
    if (this.#closed !== null) throw this.#closed;
    if (!this.#busy) return;
    const isWaiting = this.#running?.upload.waiting === true;
    throw new SluiceError(
      'ERR_BUSY_FLASH',
      isWaiting
        ? `an interrupted upload waits for its sender, at most ${this.#options.resumeWithin / 1000} s`
        : 'another update or check is running on this flash',
    );
  }

  /**
   * Begins an update.
   * @throws SluiceError ERR_BUSY_FLASH, ERR_TRUST_POLICY, ERR_SESSION_CHECK, ERR_USAGE_PARTITION, ERR_FLASH_*
   */
  update(request: UpdateRequest): Promise<Upload<UpdateResult>> {
    return this.#begin('update', request, async (target, monitor, id) => {
      const { platform, apply, log } = this.#options;
      this.#lastOutcome = null;
      const expect = this.#checks.resultOf(request);
      const session = await this.#factory.session(target, request, expect, monitor);
      const failed = (thrown: unknown): void => {
        log('error', 'update is committed, but a step after the commit failed', thrown);
        monitor.warn(`after the commit: ${asSluiceError(thrown).message}`);
      };
      return updateWork(
        session,
        async (receipt) => {
          await this.#flash.readUnfinished(target, platform);
          await this.#release(target, monitor);
          const { error } = session;
          const at = new Date().toISOString();
          this.#store({ id, at, from: request.from, receipt, next: error?.nextRemote ?? null });
          return { id, receipt, error };
        },
        stepsOf(apply, { id, request, target }, failed),
      );
    });
  }

  /**
   * Begins a check pass: nothing is written.
   * @throws SluiceError ERR_BUSY_FLASH, ERR_USAGE_PARTITION, ERR_FLASH_*
   */
  check(request: UpdateRequest): Promise<Upload<CheckAnswer>> {
    return this.#begin('check', request, async (target, monitor) => {
      // Before the check reads them.
      const keys = this.#checks.keysVersion;
      const stop = new AbortController();
      const options = { forecast: true, observer: monitor, signal: stop.signal };
      const pass = await this.#factory.check(target, request, 'before-erase', options);
      const over = (): Promise<void> => this.#release(target, monitor);
      return checkWork(pass, stop, over, (result) => ({
        check: this.#checks.keep(result, request.only, keys),
        result,
      }));
    });
  }

  /**
   * Finds the upload with a resume key.
   * @param user - the client, see Origin
   * @throws SluiceError ERR_SESSION_UPLOAD
   */
  async trace(resume: string, user: string | null): Promise<UploadTrace> {
    // The sender may return before the upload has begun.
    await this.#opening;
    return this.#uploads.find(resume, user);
  }

  /** Refuses new jobs, stops the running one between two flash operations, and resolves when the flash is closed. */
  async close(): Promise<void> {
    this.#closed ??= new SluiceError('ERR_SESSION_INTERRUPTED', 'the service is being stopped');
    await this.#running?.upload.abort(this.#closed).catch(() => {});
    await this.#idle;
  }

  #begin<T>(
    kind: Running['kind'],
    request: UpdateRequest,
    makeWork: (target: JobTarget, monitor: JobMonitor, id: string) => Promise<Work<T>>,
  ): Promise<Upload<T>> {
    const upload = this.#openUpload(kind, request, makeWork);
    if (this.#opening === null) {
      const opened = (): void => {
        this.#opening = null;
      };
      this.#opening = upload.then(opened, opened);
    }
    return upload;
  }

  async #openUpload<T>(
    kind: Running['kind'],
    request: UpdateRequest,
    makeWork: (target: JobTarget, monitor: JobMonitor, id: string) => Promise<Work<T>>,
  ): Promise<Upload<T>> {
    this.requireIdle();
    const { platform, open, receipts, resumeWithin, commitWithin } = this.#options;
    this.#busy = true;
    this.#idle = new Promise((resolve) => {
      this.#setIdle = resolve;
    });
    let target: JobTarget | null = null;
    let upload: Upload<T>;
    try {
      target = await open({ write: kind === 'update' });
      this.#flash.describe(target);
      requirePartitions(target, request.only ?? []);
      const pass = kind === 'update' ? 'write' : 'check';
      const progress = request.progress ?? new Progress(platform.now, pass);
      progress.begin(pass, request.size);
      const monitor = new JobMonitor(this.events, platform.now, progress);
      monitor.setPartitions(target);
      const id = receipts.newId();
      const work = await makeWork(target, monitor, id);
      upload = new Upload(id, request, monitor, work, { resumeWithin, commitWithin });
      this.#running = { kind, upload: upload as Upload };
      this.#uploads.begin(upload as Upload);
    } catch (thrown) {
      await target?.close().catch(() => {});
      this.#busy = false;
      this.#setIdle();
      throw thrown;
    }
    this.events.publish('job', this.job);
    // The service was closed while the flash was being opened.
    if (this.#closed !== null) {
      await upload.abort(this.#closed).catch(() => {});
      throw this.#closed;
    }
    return upload;
  }

  /** Closes the flash at the end of a job, whatever its result. */
  async #release(target: FlashTarget, monitor: JobMonitor): Promise<void> {
    try {
      await target.close();
    } catch (thrown) {
      this.#options.log('warn', 'flash could not be closed', thrown);
    }
    this.#lastMap = monitor.map;
    this.counters.countJob(this.#running?.kind ?? 'check', monitor.progress.received);
    monitor.close();
    this.#running = null;
    this.#uploads.end();
    this.#busy = false;
    this.events.publish('job', null);
    this.#setIdle();
    collectLater();
  }

  /** Stores and publishes a receipt. Failures are logged: the update has ended anyway. */
  #store(stored: StoredReceipt): void {
    this.#lastOutcome = stored.receipt.outcome;
    this.counters.countUpdate(stored.receipt);
    try {
      this.receipts.keep(stored);
    } catch (thrown) {
      this.#options.log('error', 'receipt is kept in memory only, until the service ends', thrown);
    }
    try {
      this.#options.audit?.(stored);
    } catch (thrown) {
      this.#options.log('error', 'receipt could not be written to the audit log', thrown);
    }
    this.events.publish('receipt', stored);
  }

  /** Finds updates that were interrupted before this service was started. */
  async #findUnfinished(target: JobTarget): Promise<void> {
    const { log, platform, receipts } = this.#options;
    await this.#flash.readUnfinished(target, platform);
    if (this.unfinished.length === 0) return;
    receipts.forget(this.unfinished);
    const names = this.unfinished.join(', ');
    log('warn', `update of ${names} was interrupted: complete an update before the board restarts`);
  }
}
