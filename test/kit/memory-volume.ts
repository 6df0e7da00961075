import { systemError } from '../native/fake-binding.js';

/** A UBI volume. */
export interface VolumeSpec {
  readonly name: string;
  readonly type?: 'dynamic' | 'static';
  readonly lebs: number;
  readonly lebSize: number;
  readonly minIo: number;
  readonly updateMarker?: boolean;
}

/** What UBI does with one volume. */
export class MemoryVolume {
  readonly violations: string[] = [];
  /** Content of each LEB; null where none is mapped. */
  readonly lebs: (Uint8Array | null)[];
  updateMarker: boolean;
  /** Bytes that can be read: of a static volume those of its last update. */
  dataBytes: number;
  /** Thrown by the next change of a LEB. */
  failure: Error | null = null;
  readonly #spec: VolumeSpec;
  readonly #programmed = new Set<number>();
  #wanted: number | null = null;
  #received: Uint8Array[] = [];
  #direct = false;
  #writers = 0;
  #readers = 0;
  /** A LEB change was begun and did not get its bytes. */
  #changing = false;

  constructor(spec: VolumeSpec) {
    this.#spec = spec;
    this.updateMarker = spec.updateMarker ?? false;
    this.dataBytes = spec.type === 'static' ? 0 : spec.lebs * spec.lebSize;
    this.lebs = Array.from({ length: spec.lebs }, () => null);
  }

  /** Its files in sysfs; `min_io_size` is of the UBI device. */
  static attributes({
    name,
    type = 'dynamic',
    lebs,
    lebSize,
    updateMarker = false,
  }: VolumeSpec): Record<string, string> {
    return {
      name: `${name}\n`,
      type: `${type}\n`,
      reserved_ebs: `${lebs}\n`,
      usable_eb_size: `${lebSize}\n`,
      data_bytes: `${type === 'static' ? 0 : lebs * lebSize}\n`,
      upd_marker: updateMarker ? '1\n' : '0\n',
    };
  }

  /** All its bytes as they read. */
  get bytes(): Uint8Array {
    const whole = new Uint8Array(this.#spec.lebs * this.#spec.lebSize).fill(0xff);
    for (const [leb, bytes] of this.lebs.entries())
      if (bytes !== null) whole.set(bytes, leb * this.#spec.lebSize);
    return whole;
  }

  /** Whether a page of a LEB was programmed since it was mapped. */
  isProgrammed(leb: number, page: number): boolean {
    return this.#programmed.has(leb * this.#spec.lebSize + page * this.#spec.minIo);
  }

  open(write: boolean): void {
    if (write && this.#writers > 0) throw systemError('EBUSY', 'open');
    if (write) this.#writers++;
    else this.#readers++;
  }

  close(write: boolean): void {
    if (write) this.#writers--;
    else this.#readers--;
    if (!write) return;
    this.#changing = false;
    this.#wanted = null;
  }

  read(offset: number, into: Uint8Array): void {
    if (this.#wanted !== null) throw systemError('EBUSY', 'pread');
    if (this.updateMarker) throw systemError('EBADF', 'pread');
    if (offset + into.length > this.dataBytes) throw systemError('ENODATA', 'pread');
    into.set(this.bytes.subarray(offset, offset + into.length));
  }

  write(offset: number, bytes: Uint8Array): void {
    const { lebSize, minIo } = this.#spec;
    if (!this.#direct) throw systemError('EPERM', 'pwrite');
    this.#refuseChanging();
    if (offset % minIo !== 0 || bytes.length % minIo !== 0) throw systemError('EINVAL', 'pwrite');
    for (let at = 0; at < bytes.length; at += minIo) {
      const leb = Math.floor((offset + at) / lebSize);
      this.#programPage(leb, (offset + at) % lebSize, bytes.subarray(at, at + minIo));
    }
  }

  unmap(leb: number): void {
    this.#dynamic();
    this.#refuseChanging();
    this.lebs[leb] = null;
    const { lebSize } = this.#spec;
    for (const page of this.#programmed)
      if (Math.floor(page / lebSize) === leb) this.#programmed.delete(page);
  }

  /** The kernel does not tell of a marked one (drivers/mtd/ubi/kapi.c, ubi_is_mapped). */
  isMapped(leb: number): boolean {
    if (this.updateMarker) throw systemError('EBADF', 'ioctl');
    return this.lebs[leb] !== null;
  }

  change(leb: number, bytes: Uint8Array): void {
    this.#dynamic();
    this.#refuseChanging();
    if (this.failure !== null) {
      const { failure } = this;
      this.failure = null;
      this.#changing = true;
      throw failure;
    }
    const { minIo } = this.#spec;
    this.unmap(leb);
    this.lebs[leb] = new Uint8Array(this.#spec.lebSize).fill(0xff);
    for (let at = 0; at < bytes.length; at += minIo)
      this.#programPage(leb, at, bytes.subarray(at, at + minIo));
  }

  startUpdate(length: number): void {
    if (this.#writers + this.#readers > 1) throw systemError('EBUSY', 'UBI_IOCVOLUP');
    for (let leb = 0; leb < this.lebs.length; leb++) {
      this.lebs[leb] = null;
    }
    this.#programmed.clear();
    this.#received = [];
    this.#wanted = length === 0 ? null : length;
    this.updateMarker = length !== 0;
    if (this.#spec.type === 'static') this.dataBytes = length;
  }

  append(bytes: Uint8Array): void {
    if (this.#wanted === null) throw systemError('EPERM', 'write');
    this.#received.push(bytes.slice());
    this.#wanted -= bytes.length;
    if (this.#wanted > 0) return;
    const { lebSize } = this.#spec;
    const whole = Buffer.concat(this.#received);
    for (let leb = 0; leb * lebSize < whole.length; leb++) {
      const content = new Uint8Array(lebSize).fill(0xff);
      content.set(whole.subarray(leb * lebSize, (leb + 1) * lebSize));
      this.lebs[leb] = content;
    }
    this.#wanted = null;
    this.updateMarker = false;
  }

  directWrite(on: boolean): void {
    this.#dynamic();
    this.#direct = on;
  }

  #programPage(leb: number, at: number, page: Uint8Array): void {
    const id = leb * this.#spec.lebSize + at;
    if (this.#programmed.has(id)) this.violations.push(`LEB ${leb}: the page at ${at} is programmed twice`);
    this.#programmed.add(id);
    const content = (this.lebs[leb] ??= new Uint8Array(this.#spec.lebSize).fill(0xff));
    content.set(page, at);
  }

  #dynamic(): void {
    if (this.#spec.type === 'static') throw systemError('EROFS', 'ioctl');
  }

  #refuseChanging(): void {
    if (this.#changing) throw systemError('EBUSY', 'ioctl');
  }
}
