import type { ServiceState } from '../../../service/service-state.js';
import type { JobProgress } from '../../../service/job-monitor.js';
import type { StoredReceipt } from '../../../service/receipts.js';

type State = { -readonly [K in keyof ServiceState]: ServiceState[K] };

/** The state of the service as the page knows it. Listeners get each change. */
export class Store {
  state: State | null = null;
  receipts: readonly StoredReceipt[] = [];
  readonly #listeners: ((change: Change) => void)[] = [];

  listen(listener: (change: Change) => void): void {
    this.#listeners.push(listener);
  }

  /** Applies an event of the service. */
  take(type: string, data: unknown): void {
    const { state } = this;
    if (type === 'state') {
      this.state = data as State;
      return this.#publish({ kind: 'state' });
    }
    if (state === null) return;
    switch (type) {
      case 'job': {
        const begins = state.job === null && data !== null;
        state.job = data as State['job'];
        if (begins) state.map = {};
        return this.#publish({ kind: begins ? 'begin' : 'end' });
      }
      case 'progress':
        if (state.job === null) return;
        state.job = { ...state.job, ...(data as JobProgress) };
        return this.#publish({ kind: 'progress' });
      case 'blocks':
        return this.#publish({ kind: 'blocks', blocks: data as Blocks });
      case 'warning':
        return this.#publish({ kind: 'warning', message: (data as { message: string }).message });
      case 'receipt':
        state.lastReceipt = data as StoredReceipt;
        return this.#publish({ kind: 'receipt', receipt: data as StoredReceipt });
      default:
    }
  }

  setPartitions({ flash, unfinished }: ServiceState): void {
    if (this.state === null) return;
    this.state.flash = flash;
    this.state.unfinished = unfinished;
    this.#publish({ kind: 'partitions' });
  }

  setReceipts(receipts: readonly StoredReceipt[]): void {
    this.receipts = receipts;
    this.#publish({ kind: 'receipts' });
  }

  #publish(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }
}

/** Letters of consecutive blocks by partition; `from` is the first block. */
export type Blocks = Readonly<Record<string, { readonly from: number; readonly blocks: string }>>;

export type Change =
  /** See `Store.state` for the new value. */
  | { readonly kind: 'state' | 'begin' | 'end' | 'progress' | 'partitions' | 'receipts' }
  | { readonly kind: 'blocks'; readonly blocks: Blocks }
  | { readonly kind: 'warning'; readonly message: string }
  | { readonly kind: 'receipt'; readonly receipt: StoredReceipt };
