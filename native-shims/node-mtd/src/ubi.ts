import type { Handle, NativeBinding } from './binding.js';
import type { Roots } from './discovery/roots.js';
import { type UbiEntry, listUbi } from './discovery/ubi.js';
import { NodeMtdError } from './errors.js';
import { type Match, toMatch } from './match.js';
import { checkIndex, checkRange } from './range.js';

/** What makes a volume the one that was listed; what it holds may change. */
const IDENTITY = ['name', 'type', 'lebs', 'lebSize', 'minIo', 'mtd', 'major', 'minor'] as const;

export interface UbiOptions {
  /** Opens it for reading and writing. */
  readonly write: boolean;
  readonly roots?: Partial<Roots> | undefined;
}

/**
 * One open UBI volume. Offsets are linear over its LEBs, so that LEB n starts at n * lebSize. One call at a time: a
 * second one meanwhile rejects with EBUSY. All methods reject with the `SystemError` of the call that failed, or
 * with ERR_RANGE before anything is asked of the kernel.
 */
export class UbiVolume {
  readonly entry: UbiEntry;
  /** Bytes: all LEBs. A static volume can be read up to what was written only. */
  readonly size: number;
  readonly #binding: NativeBinding;
  readonly #handle: Handle;
  /** Bytes that the update which was started still wants; the kernel swallows what comes after them. */
  #wanted = 0;

  private constructor(binding: NativeBinding, handle: Handle, entry: UbiEntry) {
    this.#binding = binding;
    this.#handle = handle;
    this.entry = entry;
    this.size = entry.lebs * entry.lebSize;
  }

  /**
   * Opens what was listed, and sees to it that it still is that. EBUSY when another program writes it.
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
      if (!listed) throw replaced(entry, 'it is gone');
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
   * Takes the lock that keeps two programs apart (flock); false when somebody else's does not go with it.
   * @param shared - beside others that only read
   */
  async claim(shared = false): Promise<boolean> {
    return await this.#binding.lock(this.#handle, shared);
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    checkRange(this.entry.path, this.size, offset, into.length);
    await this.#binding.read(this.#handle, offset, into);
  }

  /** How the volume stands to `bytes`. Reads no further than the answer needs. */
  async compare(offset: number, bytes: Uint8Array): Promise<Match> {
    checkRange(this.entry.path, this.size, offset, bytes.length);
    return toMatch(await this.#binding.compare(this.#handle, offset, bytes));
  }

  /** Writes into erased space; wants `directWrite(true)`, and offset and length in multiples of minIo. */
  async write(offset: number, bytes: Uint8Array): Promise<void> {
    checkRange(this.entry.path, this.size, offset, bytes.length);
    await this.#binding.write(this.#handle, offset, bytes);
  }

  /** Unmaps the LEB and waits until the old content is erased; then it reads as 0xff. */
  async eraseLeb(leb: number): Promise<void> {
    this.#checkLeb(leb);
    await this.#binding.ubiEraseLeb(this.#handle, leb);
  }

  /** Unmaps the LEB; after a power cut the old content may be back. */
  async unmapLeb(leb: number): Promise<void> {
    this.#checkLeb(leb);
    await this.#binding.ubiUnmapLeb(this.#handle, leb);
  }

  async isMapped(leb: number): Promise<boolean> {
    this.#checkLeb(leb);
    return await this.#binding.ubiIsMapped(this.#handle, leb);
  }

  /**
   * Gives the LEB new content, which may be shorter than it; a power cut leaves the old one or the new one. Dynamic
   * volumes only. When it fails, close: the kernel waits for the rest of the bytes until then.
   */
  async changeLeb(leb: number, bytes: Uint8Array): Promise<void> {
    this.#checkLeb(leb);
    checkRange(this.entry.path, this.entry.lebSize, 0, bytes.length);
    await this.#binding.ubiChangeLeb(this.#handle, leb, bytes);
  }

  /**
   * Begins a new content of so many bytes: the old one is gone, and the volume cannot be read until all of them
   * were appended. 0 wipes it.
   */
  async startUpdate(length: number): Promise<void> {
    checkRange(this.entry.path, this.size, 0, length);
    this.#wanted = 0;
    await this.#binding.ubiStartUpdate(this.#handle, length);
    this.#wanted = length;
  }

  /**
   * The next bytes of the update.
   * @throws NodeMtdError ERR_NO_UPDATE when they are more than were declared
   */
  async append(bytes: Uint8Array): Promise<void> {
    if (bytes.length > this.#wanted) {
      throw new NodeMtdError(
        'ERR_NO_UPDATE',
        `${this.entry.path}: ${bytes.length} bytes for an update that wants ${this.#wanted} more`,
      );
    }
    await this.#binding.ubiAppend(this.#handle, bytes);
    this.#wanted -= bytes.length;
  }

  /** Whether `write` may write. Dynamic volumes only. */
  async directWrite(on: boolean): Promise<void> {
    await this.#binding.ubiDirectWrite(this.#handle, on);
  }

  async sync(): Promise<void> {
    await this.#binding.sync(this.#handle);
  }

  /** Waits for the call that is running. Idempotent. */
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
    `${entry.path} is not ${JSON.stringify(entry.name)} any more: ${what}`,
  );
}
