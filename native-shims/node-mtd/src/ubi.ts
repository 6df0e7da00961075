import type { Handle, NativeBinding } from './binding.js';
import type { Roots } from './discovery/roots.js';
import { type UbiEntry, listUbi } from './discovery/ubi.js';
import { NodeMtdError } from './errors.js';
import { type Match, toMatch } from './match.js';
import { checkIndex, checkRange } from './range.js';

/** The fields that must be the same for a volume to be the listed one. Its content may change. */
const IDENTITY = ['name', 'type', 'lebs', 'lebSize', 'minIo', 'mtd', 'major', 'minor'] as const;

export interface UbiOptions {
  /** Opens the volume for reading and writing; otherwise for reading. */
  readonly write: boolean;
  readonly roots?: Partial<Roots> | undefined;
}

/**
 * One open UBI volume. Offsets are bytes over all its LEBs: LEB n starts at n * lebSize. One call at a time: a second
 * one rejects with EBUSY. All methods reject with the `SystemError` of the failed call, or with ERR_RANGE before a
 * call.
 */
export class UbiVolume {
  readonly entry: UbiEntry;
  /** Bytes of all LEBs. A static volume can be read only up to its last written byte. */
  readonly size: number;
  readonly #binding: NativeBinding;
  readonly #handle: Handle;
  /** Bytes that the update still needs. The kernel accepts and discards more. */
  #remaining = 0;

  private constructor(binding: NativeBinding, handle: Handle, entry: UbiEntry) {
    this.#binding = binding;
    this.#handle = handle;
    this.entry = entry;
    this.size = entry.lebs * entry.lebSize;
  }

  /**
   * Opens a listed volume, and checks that it is still the same one. EBUSY if another process writes it.
   * @throws NodeMtdError ERR_REPLACED
   */
  static async open(binding: NativeBinding, entry: UbiEntry, options: UbiOptions): Promise<UbiVolume> {
    const handle = await binding.open(entry.path, { write: options.write, exclusive: false });
    try {
      const node = await binding.identify(handle);
      if (node.kind !== 'char' || node.major !== entry.major || node.minor !== entry.minor) {
        throw replaced(entry, `the node is a ${node.kind} device ${node.major}:${node.minor}`);
      }
      const listed = listUbi(options.roots).find(
        (other) => other.ubi === entry.ubi && other.volume === entry.volume,
      );
      if (!listed) throw replaced(entry, 'the volume does not exist');
      for (const key of IDENTITY) {
        if (listed[key] !== entry[key]) {
          throw replaced(entry, `sysfs: ${key} was ${String(entry[key])} and is ${String(listed[key])}`);
        }
      }
      return new UbiVolume(binding, handle, entry);
    } catch (error) {
      await binding.close(handle);
      throw error;
    }
  }

  /**
   * Takes the advisory lock of the node (flock). False if another descriptor has a lock that is not compatible.
   * @param shared - compatible with other shared locks
   */
  async claim(shared = false): Promise<boolean> {
    return await this.#binding.lock(this.#handle, shared);
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    checkRange(this.entry.path, this.size, offset, into.length);
    await this.#binding.read(this.#handle, offset, into);
  }

  /** Compares the volume with `bytes`. Reads no further than the answer needs. */
  async compare(offset: number, bytes: Uint8Array): Promise<Match> {
    checkRange(this.entry.path, this.size, offset, bytes.length);
    return toMatch(await this.#binding.compare(this.#handle, offset, bytes));
  }

  /** Writes to erased space. Needs `directWrite(true)`; offset and length are multiples of minIo. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    checkRange(this.entry.path, this.size, offset, bytes.length);
    await this.#binding.write(this.#handle, offset, bytes);
  }

  /** Unmaps the LEB and waits until its old block is erased. Then it reads as 0xff. */
  async eraseLeb(leb: number): Promise<void> {
    this.#checkLeb(leb);
    await this.#binding.ubiEraseLeb(this.#handle, leb);
  }

  /** Unmaps the LEB. The old content may be back after a power cut. */
  async unmapLeb(leb: number): Promise<void> {
    this.#checkLeb(leb);
    await this.#binding.ubiUnmapLeb(this.#handle, leb);
  }

  async isMapped(leb: number): Promise<boolean> {
    this.#checkLeb(leb);
    return await this.#binding.ubiIsMapped(this.#handle, leb);
  }

  /**
   * Replaces the content of the LEB, by fewer bytes than it has if wanted. A power cut leaves the old content or the
   * new one. Dynamic volumes only. After a failure close the volume: the kernel still expects the rest of the bytes.
   */
  async changeLeb(leb: number, bytes: Uint8Array): Promise<void> {
    this.#checkLeb(leb);
    checkRange(this.entry.path, this.entry.lebSize, 0, bytes.length);
    await this.#binding.ubiChangeLeb(this.#handle, leb, bytes);
  }

  /**
   * Starts an update of `length` bytes. The old content is gone, and the volume cannot be read until all bytes are
   * appended. 0 wipes the volume.
   */
  async startUpdate(length: number): Promise<void> {
    checkRange(this.entry.path, this.size, 0, length);
    this.#remaining = 0;
    await this.#binding.ubiStartUpdate(this.#handle, length);
    this.#remaining = length;
  }

  /**
   * Writes the next bytes of the update.
   * @throws NodeMtdError ERR_NO_UPDATE if the update has fewer bytes left
   */
  async append(bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.#remaining) {
      throw new NodeMtdError(
        'ERR_NO_UPDATE',
        `${this.entry.path}: ${bytes.length} bytes exceed the update, which has ${this.#remaining} bytes left`,
      );
    }
    await this.#binding.ubiAppend(this.#handle, bytes);
    this.#remaining -= bytes.length;
  }

  /** Sets whether `write` may write. Dynamic volumes only. */
  async directWrite(on: boolean): Promise<void> {
    await this.#binding.ubiDirectWrite(this.#handle, on);
  }

  async sync(): Promise<void> {
    await this.#binding.sync(this.#handle);
  }

  /** Waits for the running call. Idempotent. */
  async close(): Promise<void> {
    await this.#binding.close(this.#handle);
  }

  #checkLeb(leb: number): void {
    checkIndex(this.entry.path, 'LEB', this.entry.lebs, leb);
  }
}

function replaced(entry: UbiEntry, what: string): NodeMtdError {
  return new NodeMtdError(
    'ERR_REPLACED',
    `${entry.path} is no longer ${JSON.stringify(entry.name)}: ${what}`,
  );
}
