import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Receipt } from '../core/update/report/receipt.js';
import { systemFailure } from '../core/system-reason.js';
import type { Origin } from '../core/audit/audit-line.js';
import { replaceFileSync } from '../host/node/fs/replace-file-sync.js';

/** Receipts kept: enough to see the history of a board, and at 2 KiB each little beside its firmware. */
const MAX_RECEIPTS = 32;

const NAME = /^(\d{6,15})\.json$/;

/** A receipt in the store. */
export interface StoredReceipt {
  readonly id: string;
  /** When the job ended, ISO 8601 in UTC by the clock of the board, which may be wrong. */
  readonly at: string;
  readonly from: Origin;
  readonly receipt: Receipt;
  /** What to do next; null when it was committed. */
  readonly next: string | null;
}

/** What an update has left in a partition. */
export interface Installed {
  readonly version: string | null;
  /** SHA-256 of the image, hex. */
  readonly sha256: string | null;
  /** Size of the image in bytes. */
  readonly bytes: number;
  readonly at: string;
}

/**
 * The last receipts, one file each under `folder`. What each partition holds is noted
 * as an update ends, in a file beside them: no receipt is read again to decide.
 */
export class ReceiptStore {
  readonly #folder: string;
  readonly #installedFile: string;
  readonly #installed = new Map<string, Installed>();
  #ids: string[];
  #next: number;

  /**
   * @param state - the state folder; made where it is missing
   * @throws SluiceError ERR_USAGE_STATE
   */
  constructor(state: string) {
    this.#folder = join(state, 'receipts');
    this.#installedFile = join(state, 'installed.json');
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      this.#ids = readdirSync(this.#folder)
        .flatMap((name) => NAME.exec(name)?.[1] ?? [])
        .sort((a, b) => Number(a) - Number(b));
    } catch (cause) {
      throw systemFailure('ERR_USAGE_STATE', `cannot use ${state}`, cause);
    }
    this.#next = Number(this.#ids.at(-1) ?? 0) + 1;
    for (const [name, installed] of Object.entries(readJson(this.#installedFile) ?? {})) {
      this.#installed.set(name, installed as Installed);
    }
  }

  /** Ids, oldest first. */
  get ids(): readonly string[] {
    return this.#ids;
  }

  /** An id for a job that begins; no other one gets it. */
  newId(): string {
    return String(this.#next++).padStart(6, '0');
  }

  /** Nothing is known any more of what is in these partitions. */
  forget(partitions: readonly string[]): void {
    for (const name of partitions) this.#installed.delete(name);
  }

  /** What an update has left in the partition; null when none is known of, or one has failed in it since. */
  installed(partition: string): Installed | null {
    return this.#installed.get(partition) ?? null;
  }

  /** @returns null when there is none of that id, or its file cannot be read */
  read(id: string): StoredReceipt | null {
    if (!this.#ids.includes(id)) return null;
    return readJson(join(this.#folder, `${id}.json`)) as StoredReceipt | null;
  }

  /**
   * Keeps a receipt, so that it survives a power cut.
   * @throws SluiceError ERR_USAGE_STATE
   */
  keep(stored: StoredReceipt): void {
    try {
      this.#note(stored);
      replaceFileSync(join(this.#folder, `${stored.id}.json`), `${JSON.stringify(stored)}\n`);
      this.#ids.push(stored.id);
      replaceFileSync(this.#installedFile, `${JSON.stringify(Object.fromEntries(this.#installed))}\n`);
      for (const id of this.#ids.splice(0, Math.max(0, this.#ids.length - MAX_RECEIPTS))) {
        rmSync(join(this.#folder, `${id}.json`), { force: true });
      }
    } catch (cause) {
      throw systemFailure('ERR_USAGE_STATE', `the receipt could not be kept in ${this.#folder}`, cause);
    }
  }

  #note({ at, receipt }: StoredReceipt): void {
    for (const [name, row] of Object.entries(receipt.partitions)) {
      const { sha256, bytes } = row;
      const { version } = receipt.bundle;
      if (receipt.outcome === 'committed') this.#installed.set(name, { version, sha256, bytes, at });
      else if (
        receipt.flash !== 'untouched' &&
        row.erased + row.programmed + row.programmedWithoutErase > 0
      ) {
        this.#installed.delete(name);
      }
    }
  }
}

/** Null for a file that is not there or that a power cut has left half written. */
function readJson(path: string): object | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
