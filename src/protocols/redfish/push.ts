import { asSluiceError, SluiceError } from '../../core/errors.js';
import type { UpdateRequest } from '../../service/update-request.js';
import type { UpdateResult, UpdateService } from '../../service/update-service.js';
import type { Upload } from '../../service/upload.js';
import type { Exchange } from '../http/exchange.js';
import { problemOf, RedfishProblem } from './problem.js';
import type { Task, TaskList } from './tasks.js';

/**
 * Milliseconds for which an answer waits for the end of an update whose bytes have all come: what is refused at its
 * end is told at once, and what takes longer by a task.
 */
const GRACE = 1000;

/** The bytes of one request on their way into the flash. The task is there from the first of them on. */
export class Push {
  readonly #service: UpdateService;
  readonly #tasks: TaskList;
  readonly #exchange: Exchange;
  readonly #stop = new AbortController();
  #signal: AbortSignal | null = null;
  #upload: Upload<UpdateResult> | null = null;
  #task: Task | null = null;

  constructor(service: UpdateService, tasks: TaskList, exchange: Exchange) {
    this.#service = service;
    this.#tasks = tasks;
    this.#exchange = exchange;
  }

  /** Ends the reading of the body when the update was stopped otherwise. */
  get signal(): AbortSignal {
    return this.#stop.signal;
  }

  /** Whether a byte has come. */
  get begun(): boolean {
    return this.#upload !== null;
  }

  /** Partitions that images have come for so far. */
  get touched(): readonly string[] {
    return Object.keys(this.#upload?.monitor.progress.partitions ?? {});
  }

  /** Takes bytes; waiting for it is what holds the sender back. */
  async take(bytes: Uint8Array, wanted: Pick<UpdateRequest, 'only' | 'size'>): Promise<void> {
    this.#upload ??= await this.#begin(wanted);
    await this.#upload.write(bytes, this.#signal ?? this.signal);
  }

  /**
   * All bytes have come.
   * @throws RedfishProblem what was known of a failure at once
   */
  async finish(): Promise<Task> {
    const task = this.#task as Task;
    const upload = this.#upload as Upload<UpdateResult>;
    const settled = upload.end().then(
      (result) => task.settle(result),
      (thrown: unknown) => task.fail(thrown),
    );
    let timer: NodeJS.Timeout | undefined;
    const grace = new Promise<void>((resolve) => {
      timer = setTimeout(resolve, GRACE);
    });
    await Promise.race([settled, grace]);
    clearTimeout(timer);
    if (task.error !== null) throw this.#problemOf(task.error);
    return task;
  }

  /**
   * The body could not be read to its end, or says what cannot be: ends the update without a commit.
   * @throws RedfishProblem, always
   */
  async fail(thrown: unknown): Promise<never> {
    const upload = this.#upload;
    if (upload === null) throw thrown;
    const reason =
      thrown instanceof RedfishProblem ? new SluiceError('ERR_SOURCE_MULTIPART', thrown.message) : thrown;
    const result = await upload.abort(reason);
    this.#task?.settle(result);
    if (thrown instanceof RedfishProblem) throw thrown;
    throw this.#problemOf(result.error ?? asSluiceError(thrown));
  }

  async #begin(wanted: Pick<UpdateRequest, 'only' | 'size'>): Promise<Upload<UpdateResult>> {
    const { from, request, path } = this.#exchange;
    const service = this.#service;
    const upload = await service.update({ ...wanted, trust: null, check: null, resume: null, from });
    const signal = await service.attach(upload as Upload);
    signal.addEventListener('abort', () => this.#stop.abort(signal.reason), { once: true });
    this.#signal = signal;
    const told = ['content-type', 'content-length', 'user-agent'] as const;
    this.#task = this.#tasks.begin({
      uri: path,
      headers: told.flatMap((name) => {
        const value = request.headers[name];
        return value === undefined ? [] : [`${name}: ${value.slice(0, 200)}`];
      }),
      json: null,
    });
    this.#task.follow(upload as Upload);
    return upload;
  }

  #problemOf(error: SluiceError): RedfishProblem {
    return problemOf(error, this.#service.retryAfter);
  }
}
