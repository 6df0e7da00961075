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
 * Milliseconds for which an answer waits for the end of an update whose bytes have all come: what is refused at its
 * end is answered at once, and what takes longer by a task.
 */
const GRACE_MS = 1000;

/** Lines of a request's head that a task shows. */
const SHOWN_HEADERS = ['content-type', 'content-length', 'user-agent'] as const;

/** The bytes of one request on their way into the flash. The task exists from the first of them on. */
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

  /** Whether a byte has come. */
  get begun(): boolean {
    return this.#sender.feed !== null;
  }

  /** Partitions that images have come for so far. */
  get partitions(): readonly string[] {
    return Object.keys(this.#sender.feed?.monitor.progress.partitions ?? {});
  }

  /**
   * Takes bytes; waiting for it is what holds the sender back.
   * @param wanted - what the update is begun with; regarded with the first bytes only
   */
  take(bytes: Uint8Array, wanted: Pick<UpdateRequest, 'only' | 'size'>): Promise<void> {
    if (!this.begun) this.#wanted = wanted;
    return this.#sender.write(bytes);
  }

  /**
   * Reads the request and ends the update, one way or another.
   * @param read - hands the bytes to `take`; must take some, or throw; must stop and throw when `signal` is aborted
   * @returns the task, ended or still at work on the last bytes
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
