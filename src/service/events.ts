import { randomBytes } from 'node:crypto';

/** What a service publishes to those who watch it. */
export type EventType = 'job' | 'progress' | 'blocks' | 'warning' | 'receipt';

/** One event, ready to be sent. */
export interface ServiceEvent {
  /** Ascending from 1, without gaps, as long as the service runs. */
  readonly id: number;
  readonly type: EventType;
  /** Its data as one line of JSON. */
  readonly json: string;
}

export type EventListener = (event: ServiceEvent) => void;

/** Events kept for watchers who come back: at four progress events a second about two minutes. */
const MAX_EVENTS = 512;

/** Characters of JSON kept, whatever their number. */
const MAX_EVENT_CHARACTERS = 96 * 1024;

const CURSOR = /^([0-9a-f]{8})-(\d{1,15})$/;

/** Hands events to whoever listens, and keeps the last ones for those who were cut off. */
export class EventHub {
  readonly #listeners = new Set<EventListener>();
  #kept: ServiceEvent[] = [];
  #characters = 0;
  #last = 0;

  /** Tells the ids of this run of the service from those of the one before it, which began at 1 as well. */
  readonly #run = randomBytes(4).toString('hex');

  /** Where a watcher stands who has seen all events up to now. */
  get cursor(): string {
    return this.cursorOf({ id: this.#last });
  }

  /** Where a watcher stands who has seen this event and all before it; what `since` takes. */
  cursorOf({ id }: Pick<ServiceEvent, 'id'>): string {
    return `${this.#run}-${id}`;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  publish(type: EventType, data: unknown): void {
    const event = { id: ++this.#last, type, json: JSON.stringify(data) };
    this.#kept.push(event);
    this.#characters += event.json.length;
    while (this.#kept.length > MAX_EVENTS || this.#characters > MAX_EVENT_CHARACTERS) {
      this.#characters -= (this.#kept.shift() as ServiceEvent).json.length;
    }
    for (const listener of this.#listeners) listener(event);
  }

  /**
   * Calls `listener` for each event from now on; it must not throw.
   * @returns what ends it
   */
  subscribe(listener: EventListener): () => void {
    this.#listeners.add(listener);
    return () => void this.#listeners.delete(listener);
  }

  /**
   * The events after the one that `cursor` names, oldest first; null when some of them are not kept any more, or it
   * is from another run of the service: who asks must look at the whole state anew.
   */
  since(cursor: string): readonly ServiceEvent[] | null {
    const [, run, digits] = CURSOR.exec(cursor) ?? [];
    const id = Number(digits);
    if (run !== this.#run || id > this.#last) return null;
    const first = this.#kept[0]?.id ?? this.#last + 1;
    return id + 1 < first ? null : this.#kept.filter((event) => event.id > id);
  }
}
