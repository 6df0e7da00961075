import { asSluiceError, SluiceError } from '../../core/errors.js';
import type { Upload } from '../../service/upload.js';
import { ownMessage, taskEvent, updateMessage, type Message } from './messages.js';
import { inventoryOf, MANAGER } from './paths.js';
import type { UpdateResult } from '../../service/results.js';

/** Tasks that are kept, the running one among them. */
const MAX_TASKS = 16;

export type TaskState = 'Running' | 'Completed' | 'Exception' | 'Cancelled';

/** The request that made a task, as its resource shows it. */
export interface TaskOrigin {
  readonly uri: string;
  /** Lines of the request's head that say something about the body; never credentials. */
  readonly headers: readonly string[];
  readonly json: string | null;
}

/** One update as Redfish sees it, from its first byte on. */
export class Task {
  readonly id: string;
  readonly origin: TaskOrigin;
  readonly startTime = new Date();
  #endTime: Date | null = null;
  #state: TaskState = 'Running';
  #error: SluiceError | null = null;
  #receipt: string | null = null;
  #upload: Upload | null = null;
  #percent: number | null = 0;
  #cancelled: SluiceError | null = null;
  readonly #messages: Message[];
  /** Whether its monitor has answered the end of the task. */
  reported = false;

  constructor(id: string, origin: TaskOrigin) {
    this.id = id;
    this.origin = origin;
    this.#messages = [taskEvent('TaskStarted', id)];
  }

  get state(): TaskState {
    return this.#state;
  }

  get endTime(): Date | null {
    return this.#endTime;
  }

  get messages(): readonly Message[] {
    return this.#messages;
  }

  /** Id of its receipt; null as long as there is none. */
  get receipt(): string | null {
    return this.#receipt;
  }

  /** Why it has failed. */
  get error(): SluiceError | null {
    return this.#error;
  }

  /** See Progress.percent: 0 before the first byte, 100 only when the update is committed. */
  get percent(): number | null {
    if (this.#upload !== null) this.#percent = this.#upload.monitor.progress.percent;
    return this.#percent;
  }

  /**
   * The upload whose progress is that of the task from now on, and that is stopped when the task is.
   * @throws SluiceError ERR_SESSION_INTERRUPTED when it was cancelled meanwhile
   */
  follow(upload: Upload): void {
    if (this.#cancelled !== null) throw this.#cancelled;
    this.#upload = upload;
  }

  /** Stops the update between two flash operations. The task ends a moment later, unless it is committing already. */
  cancel(by: string): void {
    this.#cancelled ??= new SluiceError('ERR_SESSION_INTERRUPTED', `the task was cancelled by ${by}`);
    void this.#upload?.abort(this.#cancelled).catch(() => {});
  }

  /** The update has ended. */
  settle({ id, receipt, error }: UpdateResult): void {
    this.#receipt = id;
    const version = receipt.bundle.version ?? 'unknown';
    if (error !== null) return this.fail(error, version);
    for (const [name, { programmed, programmedWithoutErase }] of Object.entries(receipt.partitions)) {
      this.#messages.push(updateMessage('UpdateSuccessful', inventoryOf(name), version));
      if (programmed + programmedWithoutErase > 0) {
        this.#messages.push(updateMessage('AwaitToActivate', version, inventoryOf(name)));
      }
    }
    this.#percent = 100;
    return this.#end('Completed', taskEvent('TaskCompletedOK', this.id));
  }

  /** It came to nothing. */
  fail(thrown: unknown, version = 'unknown'): void {
    const error = asSluiceError(thrown);
    // The last percentage, while there still is an upload to ask.
    this.#percent = this.percent;
    this.#error = error;
    this.#messages.push(ownMessage(error));
    if (error.code === 'ERR_SESSION_INTERRUPTED') {
      return this.#end('Cancelled', taskEvent('TaskCancelled', this.id));
    }
    const where = error.partition === undefined ? MANAGER : inventoryOf(error.partition);
    this.#messages.push(updateMessage(stageOf(error), version, where));
    return this.#end('Exception', taskEvent('TaskAborted', this.id));
  }

  #end(state: TaskState, message: Message): void {
    this.#messages.push(message);
    this.#state = state;
    this.#endTime = new Date();
    this.#upload = null;
  }
}

/** The last tasks. */
export class TaskList {
  #tasks: readonly Task[] = [];
  #last = 0;

  get all(): readonly Task[] {
    return this.#tasks;
  }

  begin(origin: TaskOrigin): Task {
    const task = new Task(String(++this.#last), origin);
    // One is running at most besides the new one, so what is over is forgotten first.
    const over = this.#tasks.filter(({ state }) => state !== 'Running');
    const gone = new Set(over.slice(0, Math.max(0, this.#tasks.length + 1 - MAX_TASKS)));
    this.#tasks = [...this.#tasks.filter((kept) => !gone.has(kept)), task];
    return task;
  }

  find(id: string): Task | null {
    return this.#tasks.find((task) => task.id === id) ?? null;
  }

  remove(task: Task): void {
    this.#tasks = this.#tasks.filter((kept) => kept !== task);
  }
}

/** The message of the Update registry for the stage at which an update has failed. */
function stageOf({ row: { stage } }: SluiceError): 'TransferFailed' | 'VerificationFailed' | 'ApplyFailed' {
  if (stage === 'source') return 'TransferFailed';
  return stage === 'trust' || stage === 'bundle' ? 'VerificationFailed' : 'ApplyFailed';
}
