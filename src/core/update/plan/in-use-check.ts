import { SluiceError } from '../../errors.js';
import { quoteName } from '../../text.js';
import type { FlashTarget, Partition } from '../../flash/device.js';
import { requirePartitions } from './known-partitions.js';
import type { Observer } from '../report/observer.js';

/** One partition that is to be written. */
export interface Candidate {
  readonly partition: Partition;
  /** The whole-chip partition whose image it is cut from: --force-mounted for that partition includes its parts. */
  readonly whole?: string | undefined;
}

/**
 * Refuses partitions that something else uses, before any flash is touched; but for those that were named by
 * somebody who knows what reads them.
 */
export class InUseCheck {
  readonly #forced: ReadonlySet<string>;
  readonly #observer: Observer;
  /** What uses each partition that was asked about. */
  readonly #uses = new Map<string, string | null>();
  /** Partitions that are written whatever uses them, parts of a chip that was named among them. */
  readonly #allowed = new Set<string>();

  /**
   * @param forced - partitions that are written whatever uses them
   * @throws SluiceError ERR_USAGE_PARTITION when the flash has no partition of a name
   */
  constructor(target: FlashTarget, forced: readonly string[], observer: Observer) {
    requirePartitions(target, forced);
    this.#forced = new Set(forced);
    this.#observer = observer;
  }

  /**
   * Asks what uses the partitions, each once in a session. A forced one gets a warning.
   * @throws SluiceError ERR_BUSY_IN_USE, which names all that are in use
   */
  async assertFree(candidates: Iterable<Candidate>): Promise<void> {
    const busy: [name: string, use: string][] = [];
    for (const { partition, whole } of candidates) {
      const { name } = partition;
      if (this.#uses.has(name)) continue;
      const use = await useOf(partition);
      if (this.#forced.has(name) || (whole !== undefined && this.#forced.has(whole))) this.#allowed.add(name);
      if (use === null) {
        this.#uses.set(name, null);
      } else if (this.#allowed.has(name)) {
        this.#uses.set(name, use);
        this.#observer.warn?.(
          `partition ${quoteName(name)} is ${use}; it is written all the same, as was asked`,
        );
      } else if (busy.every(([known]) => known !== name)) {
        busy.push([name, use]);
      }
    }
    const [first] = busy;
    if (first === undefined) return;
    const message = busy.map(([name, use]) => `partition ${quoteName(name)} is ${use}`).join('; ');
    throw new SluiceError('ERR_BUSY_IN_USE', message, { partition: first[0] });
  }

  /**
   * Asks once more, just before a partition is changed or committed: from a slow sender an update takes long.
   * @throws SluiceError ERR_BUSY_IN_USE
   */
  async recheck(partition: Partition): Promise<void> {
    const { name } = partition;
    if (this.#allowed.has(name)) return;
    const use = await useOf(partition);
    if (use === null) return;
    throw new SluiceError(
      'ERR_BUSY_IN_USE',
      `partition ${quoteName(name)} is ${use} now; it was free when the update was planned`,
      { partition: name },
    );
  }

  /** What uses a partition that is written all the same; null when nothing did when it was asked. */
  useOf(name: string): string | null {
    return this.#uses.get(name) ?? null;
  }
}

/** What else uses a partition, null when nothing is known to. */
export async function useOf(partition: Partition): Promise<string | null> {
  return (await partition.inUse?.()) ?? null;
}
