/**
 * The service behind every protocol: one job at a time on one flash, receipts, checks, and events for those who
 * watch. Protocols (HTTP, Redfish and what comes later) turn what they are sent into an UpdateRequest and hand
 * the bytes on; they decide nothing about the flash.
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

/** Seconds after which a client may try a busy flash again, if nothing better is known. */
const DEFAULT_RETRY_AFTER_S = 30;

/** See the file comment. */
export class UpdateService {
  readonly events = new EventHub();
  readonly counters = new Counters();
  readonly #options: ServiceOptions;
  readonly #factory: JobFactory;
  readonly #checks: CheckStore;
  readonly #traces = new ResumableUploads();
  readonly #flash = new KnownFlash();
  #running: Running | null = null;
  #lastOutcome: Outcome | null = null;
  #lastMap: Readonly<Record<string, string>> = {};
  /** From the first moment of a job to its last: the flash is being opened, or closed. */
  #busy = false;
  /** While a job begins. */
  #beginning: Promise<void> | null = null;
  #closed: SluiceError | null = null;
  /** Resolves when no job is under way. */
  #idle: Promise<void> = Promise.resolve();
  #released: () => void = () => {};

  private constructor(options: ServiceOptions) {
    this.#options = options;
    this.#factory = new JobFactory(options);
    this.#checks = new CheckStore(options.platform.now);
  }

  /**
   * Reads the shape of the flash and what is unfinished in it, and closes the flash again.
   * @throws SluiceError ERR_FLASH_*, ERR_USAGE_*
   */
  static async open(options: ServiceOptions): Promise<UpdateService> {
    const service = new UpdateService(options);
    const target = await options.open({ write: false });
    try {
      service.#flash.describe(target);
      requirePartitions(target, options.forceMounted);
      await service.#lookBack(target);
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

  /** Bytes and erase blocks of all partitions together, what lies in several counted once. */
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

  /** Names of the partitions in which updates were interrupted and none has finished since. */
  get unfinished(): readonly string[] {
    return this.#flash.unfinished;
  }

  /** How the last update of this run has ended; null before its end, and if it ended without a receipt. */
  get lastOutcome(): Outcome | null {
    return this.#lastOutcome;
  }

  /** The job under way; null when the flash is free. */
  get job(): JobState | null {
    if (this.#running === null) return null;
    const { kind, upload } = this.#running;
    const { request, id, monitor } = upload;
    return { id, kind, from: request.from, only: request.only, ...monitor.progress };
  }

  /** Whether the flash is in use: a job is under way, begins or ends, or waits to be resumed. */
  get busy(): boolean {
    return this.#busy;
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

  /** Seconds after which a client should ask again for a flash that is busy. */
  get retryAfter(): number {
    const left = this.#running?.upload.monitor.progress.secondsLeft ?? null;
    return left === null ? DEFAULT_RETRY_AFTER_S : Math.min(600, Math.max(1, left));
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
        log('error', 'the update is committed; what was to follow failed', thrown);
        monitor.warn(`after the commit: ${asSluiceError(thrown).message}`);
      };
      return updateWork(
        session,
        async (receipt) => {
          await this.#flash.review(target, platform);
          await this.#over(target, monitor);
          const { error } = session;
          const at = new Date().toISOString();
          this.#keep({ id, at, from: request.from, receipt, next: error?.nextRemote ?? null });
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
      const stop = new AbortController();
      const options = { forecast: true, observer: monitor, signal: stop.signal };
      const pass = await this.#factory.check(target, request, 'before-erase', options);
      const over = (): Promise<void> => this.#over(target, monitor);
      return checkWork(pass, stop, over, (result) => ({
        check: this.#checks.keep(result, request.only),
        result,
      }));
    });
  }

  /**
   * Where the upload stands that was begun with this resume key.
   * @param user - who asks: see Origin
   * @throws SluiceError ERR_SESSION_UPLOAD
   */
  async trace(resume: string, user: string | null): Promise<UploadTrace> {
    // Its sender may be back before it has begun.
    await this.#beginning;
    return this.#traces.find(resume, user);
  }

  /** Refuses new jobs, stops the one under way between two flash operations, and resolves when the flash is at rest. */
  async close(): Promise<void> {
    this.#closed ??= new SluiceError('ERR_SESSION_INTERRUPTED', 'the service is being stopped');
    await this.#running?.upload.abort(this.#closed).catch(() => {});
    await this.#idle;
  }

  #begin<T>(
    kind: Running['kind'],
    request: UpdateRequest,
    make: (target: JobTarget, monitor: JobMonitor, id: string) => Promise<Work<T>>,
  ): Promise<Upload<T>> {
    const upload = this.#open(kind, request, make);
    if (this.#beginning === null) {
      const begun = (): void => {
        this.#beginning = null;
      };
      this.#beginning = upload.then(begun, begun);
    }
    return upload;
  }

  async #open<T>(
    kind: Running['kind'],
    request: UpdateRequest,
    make: (target: JobTarget, monitor: JobMonitor, id: string) => Promise<Work<T>>,
  ): Promise<Upload<T>> {
    if (this.#closed !== null) throw this.#closed;
    const { platform, open, receipts, resumeWithin, commitWithin } = this.#options;
    if (this.#busy) {
      const waits = this.#running?.upload.waiting === true;
      throw new SluiceError(
        'ERR_BUSY_FLASH',
        waits
          ? `an interrupted upload waits for its sender, ${resumeWithin / 1000} s at most`
          : 'another update or check is under way on this flash',
      );
    }
    this.#busy = true;
    this.#idle = new Promise((resolve) => {
      this.#released = resolve;
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
      monitor.drawOn(target);
      const id = receipts.newId();
      const work = await make(target, monitor, id);
      upload = new Upload(id, request, monitor, work, { resumeWithin, commitWithin });
      this.#running = { kind, upload: upload as Upload };
      this.#traces.begin(upload as Upload);
    } catch (thrown) {
      await target?.close().catch(() => {});
      this.#busy = false;
      this.#released();
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

  /** The end of a job, however it ended: lets the flash go. */
  async #over(target: FlashTarget, monitor: JobMonitor): Promise<void> {
    try {
      await target.close();
    } catch (thrown) {
      this.#options.log('warn', 'the flash could not be closed', thrown);
    }
    this.#lastMap = monitor.map;
    this.counters.countJob(this.#running?.kind ?? 'check', monitor.progress.received);
    monitor.close();
    this.#running = null;
    this.#traces.end();
    this.#busy = false;
    this.events.publish('job', null);
    this.#released();
    collectLater();
  }

  /** A receipt that cannot be kept is still true. */
  #keep(stored: StoredReceipt): void {
    this.#lastOutcome = stored.receipt.outcome;
    this.counters.countUpdate(stored.receipt);
    try {
      this.receipts.keep(stored);
    } catch (thrown) {
      this.#options.log('error', 'the receipt could not be kept', thrown);
    }
    try {
      this.#options.audit?.(stored);
    } catch (thrown) {
      this.#options.log('error', 'THE AUDIT LOG LACKS A RECEIPT', thrown);
    }
    this.events.publish('receipt', stored);
  }

  /** Finds what an interrupted update has left before this service was started. */
  async #lookBack(target: JobTarget): Promise<void> {
    const { log, platform, receipts } = this.#options;
    await this.#flash.review(target, platform);
    if (this.unfinished.length === 0) return;
    receipts.forget(this.unfinished);
    const names = this.unfinished.join(', ');
    log('warn', `an update was interrupted in ${names}: finish one before this board restarts`);
  }
}
