import { SluiceError } from '../../errors.js';
import type { Match, Rewrite, Unsupported } from '../device.js';
import type { FlashDriver } from '../checked-device.js';
import type { UbiFacts } from '../mtd-syscalls.js';
import { labelOf, type UbiDriver } from './driver.js';

/**
 * The operations of one static UBI volume. Its length is that of its content, and it can only be written as a whole
 * (UBI_IOCVOLUP).
 */
export class StaticDriver implements FlashDriver {
  readonly rewrite: Rewrite = {
    length: () => this.#length(),
    begin: (length) => this.#begin(length),
    append: (bytes) => this.#volume.append(bytes),
  };
  readonly #entry: UbiFacts;
  readonly #volume: UbiDriver;
  readonly #dataBytes: () => number;
  /** Bytes of the content, read once: no other process can change them while the volume is open. */
  #held: number | null = null;

  /**
   * @param volume - the operations on the kernel
   * @param dataBytes - reads from sysfs how many bytes the volume holds
   */
  constructor(entry: UbiFacts, volume: UbiDriver, dataBytes: () => number) {
    this.#entry = entry;
    this.#volume = volume;
    this.#dataBytes = dataBytes;
  }

  async read(offset: number, into: Uint8Array): Promise<void> {
    const held = await this.#heldOf(offset, into.length);
    if (held > 0) await this.#volume.read(offset, into.subarray(0, held));
    into.fill(0xff, held);
  }

  async compare(offset: number, bytes: Uint8Array): Promise<Match> {
    if (await this.#volume.isMarked()) return 'differs';
    const held = await this.#heldOf(offset, bytes.length);
    for (let at = held; at < bytes.length; at++) if (bytes[at] !== 0xff) return 'differs';
    return held === 0 ? 'same' : this.#volume.compare(offset, bytes.subarray(0, held));
  }

  async erase(): Promise<void> {
    this.#refuse();
  }

  async program(): Promise<void> {
    this.#refuse();
  }

  isBad(): Promise<Unsupported> {
    return this.#volume.isBad();
  }

  markBad(): Promise<Unsupported> {
    return this.#volume.markBad();
  }

  unlock(): Promise<Unsupported> {
    return this.#volume.unlock();
  }

  eccStats(): Promise<Unsupported> {
    return this.#volume.eccStats();
  }

  sync(): Promise<void> {
    return this.#volume.sync();
  }

  close(): Promise<void> {
    return this.#volume.close();
  }

  /** How many bytes of a range the volume holds; all of them if it is marked, so that the read fails. */
  async #heldOf(offset: number, length: number): Promise<number> {
    const held = await this.#length();
    return held === null ? length : Math.min(Math.max(held - offset, 0), length);
  }

  async #length(): Promise<number | null> {
    if (await this.#volume.isMarked()) return null;
    return (this.#held ??= this.#dataBytes());
  }

  async #begin(length: number): Promise<void> {
    this.#held = null;
    await this.#volume.startUpdate(length);
  }

  #refuse(): never {
    throw new SluiceError(
      'ERR_FLASH_READ_ONLY',
      `${labelOf(this.#entry)} is a static volume, which can only be written as a whole`,
    );
  }
}
