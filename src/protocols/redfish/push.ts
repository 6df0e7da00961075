import { SluiceError } from '../../core/errors.js';
import { DeferredSender } from '../../service/deferred-sender.js';
import type { UpdateRequest } from '../../service/update-request.js';
import type { UpdateService } from '../../service/update-service.js';
import type { Upload } from '../../service/upload.js';
import type { Exchange } from '../http/exchange.js';
import { problemOf, RedfishProblem } from './problem.js';
import type { Task, TaskList } from './tasks.js';
import type { UpdateResult } from '../../service/results.js';

/**
 * Milliseconds for which the answer waits for the end of an update after its last byte: an error within this time is
 * the answer; otherwise the answer is the task.
 */
const GRACE_MS = 1000;

/** Header lines that a task shows. */
const SHOWN_HEADERS = ['content-type', 'content-length', 'user-agent'] as const;

/** The update of one request. Its task exists from the first byte. */
export class Push {
  readonly #service: UpdateService;
  readonly #tasks: TaskList;
  readonly #exchange: Exchange;
  readonly #sender = new DeferredSender<UpdateResult, Upload<UpdateResult>>(() => this.#begin());
  #wanted: Pick<UpdateRequest, 'only' | 'size'> = { only: null, size: null };
  #task: Task | null = null;

  constructor(service: UpdateService, tasks: TaskList, exchange: Exchange) {
    this.#service = service;
    this.#tasks = tasks;
    this.#exchange = exchange;
  }

  /** Whether a byte has arrived. */
  get begun(): boolean {
    return this.#sender.feed !== null;
  }

  /** Partitions whose images have arrived so far. */
  get partitions(): readonly string[] {
    return Object.keys(this.#sender.feed?.monitor.progress.partitions ?? {});
  }

  /**
   * Takes bytes. Wait for the promise before the next call, so that the sender has to wait.
   * @param wanted - options of the update; used with the first bytes only
   */
  take(bytes: Uint8Array, wanted: Pick<UpdateRequest, 'only' | 'size'>): Promise<void> {
    if (!this.begun) this.#wanted = wanted;
    return this.#sender.write(bytes);
  }

  /**
   * Reads the request and ends the update.
   * @param read - passes the bytes to `take`; must pass some or throw; must stop and throw if `signal` is aborted
   * @returns the task, ended or still processing the last bytes
   * @throws RedfishProblem, SluiceError
   */
  async run(read: (signal: AbortSignal) => Promise<void>): Promise<Task> {
    let problem: RedfishProblem | null = null;
    const refusing = async (signal: AbortSignal): Promise<void> => {
      try {
        await read(signal);
      } catch (thrown) {
        if (!this.begun || !(thrown instanceof RedfishProblem)) throw thrown;
        problem = thrown;
        throw new SluiceError('ERR_SOURCE_MULTIPART', thrown.message);
      }
    };
    let timer: NodeJS.Timeout | undefined;
    let expire: () => void = () => {};
    const grace = new Promise<void>((resolve) => {
      expire = resolve;
    });
    const received = (): void => {
      timer = setTimeout(expire, GRACE_MS);
    };
    const settled = this.#sender.run(refusing, received).then(
      (result) => this.#task?.settle(result),
      (thrown: unknown) => {
        if (this.#task === null) throw thrown;
        this.#task.fail(thrown);
      },
    );
    try {
      await Promise.race([settled, grace]);
    } finally {
      clearTimeout(timer);
    }
    const task = this.#task as unknown as Task;
    if (problem !== null) throw problem;
    if (task.error !== null) throw problemOf(task.error, this.#service.retryAfter);
    return task;
  }

  async #begin(): Promise<Upload<UpdateResult>> {
    const { from, request, path } = this.#exchange;
    const upload = await this.#service.update({
      ...this.#wanted,
      trust: null,
      check: null,
      resume: null,
      from,
    });
    this.#task = this.#tasks.begin({
      uri: path,
      headers: SHOWN_HEADERS.flatMap((name) => {
        const value = request.headers[name];
        return value === undefined ? [] : [`${name}: ${value.slice(0, 200)}`];
      }),
      json: null,
    });
    this.#task.follow(upload as Upload);
    return upload;
  }
}
