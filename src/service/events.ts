import { randomBytes } from 'node:crypto';

/** Types of events. */
export type EventType = 'job' | 'progress' | 'blocks' | 'warning' | 'receipt';

/** A serialized event. */
export interface ServiceEvent {
  /** Ascending from 1 without gaps, per run of the service. */
  readonly id: number;
  readonly type: EventType;
  /** Data as JSON on one line. */
  readonly json: string;
}

export type EventListener = (event: ServiceEvent) => void;

/** Events stored for clients that connect again: about two minutes at four events a second. */
const MAX_EVENTS = 512;

/** Characters of JSON in all stored events. */
const MAX_EVENT_CHARACTERS = 96 * 1024;

const CURSOR = /^([0-9a-f]{8})-(\d{1,15})$/;

/** Passes events to listeners, and stores the latest for clients that lost their connection. */
export class EventHub {
  readonly #listeners = new Set<EventListener>();
  #stored: ServiceEvent[] = [];
  #characters = 0;
  #last = 0;

  /** Distinguishes the ids of this run of the service from those of earlier runs. */
  readonly #run = randomBytes(4).toString('hex');

  /** The cursor of a client that has seen all events up to now. */
  get cursor(): string {
    return this.cursorOf({ id: this.#last });
  }

  /** The cursor of a client that has seen this event and all before it; see `since`. */
  cursorOf({ id }: Pick<ServiceEvent, 'id'>): string {
    return `${this.#run}-${id}`;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  publish(type: EventType, data: unknown): void {
    const event = { id: ++this.#last, type, json: JSON.stringify(data) };
    this.#stored.push(event);
    this.#characters += event.json.length;
    while (this.#stored.length > MAX_EVENTS || this.#characters > MAX_EVENT_CHARACTERS) {
      this.#characters -= (this.#stored.shift() as ServiceEvent).json.length;
    }
    for (const listener of this.#listeners) listener(event);
  }

  /**
   * Calls `listener` for each event from now on; it must not throw.
   * @returns a function that removes the listener
   */
  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * The events after `cursor`, oldest first. Null if some are not stored any more or the cursor is of another run: the
   * client then needs the whole state.
   */
  since(cursor: string): readonly ServiceEvent[] | null {
    const [, run, digits] = CURSOR.exec(cursor) ?? [];
    const id = Number(digits);
    if (run !== this.#run || id > this.#last) return null;
    const first = this.#stored[0]?.id ?? this.#last + 1;
    return id + 1 < first ? null : this.#stored.filter((event) => event.id > id);
  }
}
