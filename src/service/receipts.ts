import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Receipt } from '../core/update/report/receipt.js';
import { systemFailure } from '../core/system-reason.js';
import type { Origin } from '../core/audit/audit-line.js';
import { replaceFileSync } from '../host/node/fs/replace-file-sync.js';

/** Stored receipts: enough for the history of a board, and at 2 KiB each small compared with its firmware. */
const MAX_RECEIPTS = 32;

const NAME = /^(\d{6,15})\.json$/;

/** A stored receipt. */
export interface StoredReceipt {
  readonly id: string;
  /** End of the job, ISO 8601 in UTC by the clock of the board, which may be wrong. */
  readonly at: string;
  readonly from: Origin;
  readonly receipt: Receipt;
  /** The next step; null if the update was committed. */
  readonly next: string | null;
}

/** Content of a partition after an update. */
export interface Installed {
  readonly version: string | null;
  /** SHA-256 of the image, hex. */
  readonly sha256: string | null;
  /** Size of the image in bytes. */
  readonly bytes: number;
  readonly at: string;
}

/**
 * The latest receipts, one file each. The content of the partitions is recorded in a separate file at the end of an
 * update: no receipt is read to decide anything.
 */
export class ReceiptStore {
  readonly #folder: string;
  readonly #installedFile: string;
  readonly #installed = new Map<string, Installed>();
  /** Receipts that could not be stored, by id: as many as are stored. */
  readonly #unstored = new Map<string, StoredReceipt>();
  #ids: string[];
  #next: number;

  /**
   * @param state - the state folder; made if it is missing
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

  /** A unique id for a new job. */
  newId(): string {
    return String(this.#next++).padStart(6, '0');
  }

  /** Discards the recorded content of partitions. */
  forget(partitions: readonly string[]): void {
    for (const name of partitions) this.#installed.delete(name);
  }

  /** Content of a partition after the last update; null if unknown, or if an update has failed since. */
  installed(partition: string): Installed | null {
    return this.#installed.get(partition) ?? null;
  }

  /** @returns null if the receipt does not exist or its file cannot be read */
  read(id: string): StoredReceipt | null {
    const unstored = this.#unstored.get(id);
    if (unstored !== undefined) return unstored;
    if (!this.#ids.includes(id)) return null;
    return readJson(join(this.#folder, `${id}.json`)) as StoredReceipt | null;
  }

  /**
   * Stores a receipt durably. If that fails, the receipt can be read until the service ends.
   * @throws SluiceError ERR_USAGE_STATE
   */
  keep(stored: StoredReceipt): void {
    this.#recordInstalled(stored);
    this.#ids.push(stored.id);
    this.#unstored.set(stored.id, stored);
    const old = this.#ids.splice(0, Math.max(0, this.#ids.length - MAX_RECEIPTS));
    for (const id of old) this.#unstored.delete(id);
    try {
      replaceFileSync(join(this.#folder, `${stored.id}.json`), `${JSON.stringify(stored)}\n`);
      this.#unstored.delete(stored.id);
      replaceFileSync(this.#installedFile, `${JSON.stringify(Object.fromEntries(this.#installed))}\n`);
      for (const id of old) rmSync(join(this.#folder, `${id}.json`), { force: true });
    } catch (cause) {
      throw systemFailure('ERR_USAGE_STATE', `receipt could not be stored in ${this.#folder}`, cause);
    }
  }

  #recordInstalled({ at, receipt }: StoredReceipt): void {
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

/** Null for a file that is missing, or incomplete after a power cut. */
function readJson(path: string): object | null {
  try {
    const value: unknown = JSON.parse(readFileSync(path, 'utf8'));
    return typeof value === 'object' ? value : null;
  } catch {
    return null;
  }
}
