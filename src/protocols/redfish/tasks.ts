import { asSluiceError, SluiceError } from '../../core/errors.js';
import type { Upload } from '../../service/upload.js';
import { ownMessage, taskEvent, updateMessage, type Message } from './messages.js';
import { inventoryOf, MANAGER } from './paths.js';
import type { UpdateResult } from '../../service/results.js';

/** Stored tasks, including the running one. */
const MAX_TASKS = 16;

export type TaskState = 'Running' | 'Completed' | 'Exception' | 'Cancelled';

/** The request that created a task, as its resource shows it. */
export interface TaskOrigin {
  readonly uri: string;
  /** Header lines about the body; never credentials. */
  readonly headers: readonly string[];
  readonly json: string | null;
}

/** An update as Redfish represents it, from its first byte. */
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

  /** Id of its receipt; null until there is one. */
  get receipt(): string | null {
    return this.#receipt;
  }

  /** Why it failed; null if it did not. */
  get error(): SluiceError | null {
    return this.#error;
  }

  /** See Progress.percent: 0 before the first byte, 100 only once the update is committed. */
  get percent(): number | null {
    if (this.#upload !== null) this.#percent = this.#upload.monitor.progress.percent;
    return this.#percent;
  }

  /**
   * Sets the upload that the task represents: it provides the progress, and `cancel` aborts it.
   * @throws SluiceError ERR_SESSION_INTERRUPTED if the task was cancelled meanwhile
   */
  follow(upload: Upload): void {
    if (this.#cancelled !== null) throw this.#cancelled;
    this.#upload = upload;
  }

  /** Stops the update between two flash operations. The task ends soon after, unless the update is being committed. */
  cancel(by: string): void {
    this.#cancelled ??= new SluiceError('ERR_SESSION_INTERRUPTED', `task was cancelled by ${by}`);
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

  /** The update failed. */
  fail(thrown: unknown, version = 'unknown'): void {
    const error = asSluiceError(thrown);
    // Read before #end drops the upload.
    this.#percent = this.percent;
    this.#error = error;
    this.#messages.push(ownMessage(error));
    if (error.code === 'ERR_SESSION_INTERRUPTED') {
      return this.#end('Cancelled', taskEvent('TaskCancelled', this.id));
    }
    const target = error.partition === undefined ? MANAGER : inventoryOf(error.partition);
    this.#messages.push(updateMessage(stageOf(error), version, target));
    return this.#end('Exception', taskEvent('TaskAborted', this.id));
  }

  #end(state: TaskState, message: Message): void {
    this.#messages.push(message);
    this.#state = state;
    this.#endTime = new Date();
    this.#upload = null;
  }
}

/** The latest tasks. */
export class TaskList {
  #tasks: readonly Task[] = [];
  #last = 0;

  get all(): readonly Task[] {
    return this.#tasks;
  }

  begin(origin: TaskOrigin): Task {
    const task = new Task(String(++this.#last), origin);
    // Ended tasks are removed first. At most one task besides the new one is running.
    const ended = this.#tasks.filter(({ state }) => state !== 'Running');
    const removed = new Set(ended.slice(0, Math.max(0, this.#tasks.length + 1 - MAX_TASKS)));
    this.#tasks = [...this.#tasks.filter((kept) => !removed.has(kept)), task];
    return task;
  }

  find(id: string): Task | null {
    return this.#tasks.find((task) => task.id === id) ?? null;
  }

  remove(task: Task): void {
    this.#tasks = this.#tasks.filter((kept) => kept !== task);
  }
}

/** The message of the Update registry for the stage at which an update failed. */
function stageOf({ row: { stage } }: SluiceError): 'TransferFailed' | 'VerificationFailed' | 'ApplyFailed' {
  if (stage === 'source') return 'TransferFailed';
  return stage === 'trust' || stage === 'bundle' ? 'VerificationFailed' : 'ApplyFailed';
}
