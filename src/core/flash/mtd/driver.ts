import { errnoOf, SluiceError } from '../../errors.js';
import { UNSUPPORTED, type EccStats, type Geometry, type Match, type Unsupported } from '../device.js';
import type { FlashDriver } from '../checked-device.js';
import { systemFailure, type Request } from '../errno.js';
import type { MtdFacts, MtdSyscalls } from '../mtd-syscalls.js';
import { labelOf, needsNoErase, whyMisshapen, whyReadOnly } from './shape.js';

/** Errno of drivers without an erase; 524 is ENOTSUPP, which has a name only in the kernel. */
const NO_ERASE = new Set(['EOPNOTSUPP', 'ENOTSUP', 'ENOTTY']);
const KERNEL_ENOTSUPP = -524;

/** Written in pieces of this size if an erase has to be a write. */
const ERASED_BYTES = new Uint8Array(4096).fill(0xff);

/**
 * Blocks of a partition whose locks are read one by one. SPI NOR locks a range from one end of the chip, so samples
 * are enough, and each one reads a register.
 */
const MAX_LOCK_PROBES = 256;

/** Errno of drivers that cannot report the lock of a range; EOVERFLOW: the range is above 4 GiB. */
const LOCK_STATE_UNKNOWN = new Set(['EINVAL', 'EOVERFLOW']);

/** State of a block in a table of one byte a block; 0 is unknown. */
const GOOD = 1;
const BAD = 2;

/** The operations of one MTD. The first operation opens the MTD, which stays open until `close`. */
export class MtdDriver implements FlashDriver {
  readonly #entry: MtdFacts;
  readonly #geometry: Geometry;
  readonly #open: () => Promise<MtdSyscalls>;
  readonly #write: boolean;
  /** NAND only: the kernel does not refuse to program a block that is marked bad. */
  readonly #marks: Uint8Array;
  #mtd: MtdSyscalls | null = null;

  /**
   * @param open - opens and locks the device
   * @param write - whether the device is opened for writing
   */
  constructor(entry: MtdFacts, geometry: Geometry, open: () => Promise<MtdSyscalls>, write: boolean) {
    this.#entry = entry;
    this.#geometry = geometry;
    this.#open = open;
    this.#write = write;
    this.#marks = new Uint8Array(geometry.type === 'nand' ? geometry.size / geometry.eraseSize : 0);
  }

  read(offset: number, into: Uint8Array): Promise<void> {
    return this.#call('read', offset, (mtd) => mtd.read(offset, into));
  }

  compare(offset: number, bytes: Uint8Array): Promise<Match> {
    return this.#call('read', offset, (mtd) => mtd.compare(offset, bytes));
  }

  async erase(block: number): Promise<void> {
    const { eraseSize } = this.#geometry;
    const offset = block * eraseSize;
    await this.#refuseBad('erase', block);
    await this.#call('erase', offset, async (mtd) => {
      try {
        await mtd.erase(offset, eraseSize);
      } catch (thrown) {
        if (!needsNoErase(this.#entry) || !lacksErase(thrown)) throw thrown;
        for (let at = 0; at < eraseSize; at += ERASED_BYTES.length) {
          await mtd.program(offset + at, ERASED_BYTES.subarray(0, eraseSize - at));
        }
      }
    });
  }

  async program(offset: number, bytes: Uint8Array): Promise<void> {
    await this.#refuseBad('program', Math.floor(offset / this.#geometry.eraseSize));
    await this.#call('program', offset, (mtd) => mtd.program(offset, bytes));
  }

  /** NAND only: for other MTDs new kernels report all blocks as good. */
  async isBad(block: number): Promise<boolean | Unsupported> {
    if (this.#geometry.type !== 'nand') return this.#unsupported();
    const offset = block * this.#geometry.eraseSize;
    const bad = await this.#call('read', offset, (mtd) => mtd.isBad(offset));
    this.#marks[block] = bad === true ? BAD : GOOD;
    return bad;
  }

  async markBad(block: number): Promise<void | Unsupported> {
    if (this.#geometry.type !== 'nand') return this.#unsupported();
    const offset = block * this.#geometry.eraseSize;
    const answer = await this.#call('program', offset, (mtd) => mtd.markBad(offset));
    if (answer !== UNSUPPORTED) this.#marks[block] = BAD;
    return answer;
  }

  /**
   * Removes the write protection that many NOR chips have after power-up.
   * @throws SluiceError ERR_FLASH_READ_ONLY if a block stays locked
   */
  async unlock(block: number, count: number): Promise<void | Unsupported> {
    const mtd = await this.#opened(true);
    const { eraseSize } = this.#geometry;
    const [offset, length] = [block * eraseSize, count * eraseSize];
    let refused: unknown = null;
    const answer = await mtd.unlock(offset, length).catch((thrown: unknown) => {
      refused = thrown;
      return undefined;
    });
    if (answer === UNSUPPORTED || errnoOf(refused) === 'EOVERFLOW') return UNSUPPORTED;
    const locked = await this.#lockedBlock(mtd, block, count);
    // EINVAL: the chip cannot lock just this range, so the kernel refuses to unlock it even if it is not locked.
    if (locked === null && errnoOf(refused) === 'EINVAL') return undefined;
    if (locked === null && refused === null) return undefined;
    const how =
      locked === null ? 'write protection cannot be removed' : `block ${locked} stays write protected`;
    const reason = refused instanceof Error ? `: ${refused.message}` : '';
    throw new SluiceError('ERR_FLASH_READ_ONLY', `${labelOf(this.#entry)}: ${how}${reason}`, {
      block: locked ?? undefined,
      cause: refused ?? undefined,
    });
  }

  async eccStats(): Promise<EccStats | Unsupported> {
    if (this.#geometry.type !== 'nand') return this.#unsupported();
    const stats = await this.#call('query', null, (mtd) => mtd.eccStats());
    return stats === UNSUPPORTED ? stats : { corrected: stats.corrected, failed: stats.failed };
  }

  async sync(): Promise<void> {
    // A device that was never opened has nothing to sync.
    if (this.#mtd !== null) await this.#call('sync', null, (mtd) => mtd.sync());
  }

  async close(): Promise<void> {
    await this.#mtd?.close();
  }

  /** The first block that is still locked; null if there is none, or the driver does not report locks. */
  async #lockedBlock(mtd: MtdSyscalls, block: number, count: number): Promise<number | null> {
    const { eraseSize } = this.#geometry;
    const isLocked = async (first: number, blocks: number): Promise<boolean | Unsupported> => {
      try {
        return await mtd.isLocked(first * eraseSize, blocks * eraseSize);
      } catch (thrown) {
        if (LOCK_STATE_UNKNOWN.has(errnoOf(thrown) ?? '')) return UNSUPPORTED;
        throw systemFailure(labelOf(this.#entry), 'read', thrown);
      }
    };
    // For a range the kernel reports only whether all of it is locked.
    const whole = await isLocked(block, count);
    if (whole === UNSUPPORTED) return null;
    if (whole) return block;
    const step = Math.ceil(count / MAX_LOCK_PROBES);
    for (let at = 0; at < count; at += step) {
      if ((await isLocked(block + at, 1)) === true) return block + at;
    }
    const last = block + count - 1;
    return count > 0 && (await isLocked(last, 1)) === true ? last : null;
  }

  /** The kernel refuses to erase a bad block, but programs it. */
  async #refuseBad(request: 'erase' | 'program', block: number): Promise<void> {
    if (this.#geometry.type !== 'nand') return;
    if (this.#marks[block] === 0) await this.isBad(block);
    if (this.#marks[block] !== BAD) return;
    throw new SluiceError(
      request === 'erase' ? 'ERR_FLASH_ERASE' : 'ERR_FLASH_PROGRAM',
      `${labelOf(this.#entry)}: ${request} refused, the block is marked bad`,
      { block },
    );
  }

  async #unsupported(): Promise<Unsupported> {
    await this.#opened();
    return UNSUPPORTED;
  }

  /** @param offset - a byte of the block that a failure is about; null if there is no such block */
  async #call<T>(request: Request, offset: number | null, act: (mtd: MtdSyscalls) => Promise<T>): Promise<T> {
    const mtd = await this.#opened(request === 'erase' || request === 'program');
    try {
      return await act(mtd);
    } catch (thrown) {
      const block = offset === null ? undefined : Math.floor(offset / this.#geometry.eraseSize);
      throw systemFailure(labelOf(this.#entry), request, thrown, { block });
    }
  }

  /** A device that cannot be written is refused at its first operation, when the update is planned. */
  async #opened(changes = false): Promise<MtdSyscalls> {
    if (this.#mtd !== null && (this.#write || !changes)) return this.#mtd;
    const label = labelOf(this.#entry);
    const reason = this.#write ? whyReadOnly(this.#entry) : changes ? 'it is open for reading only' : null;
    if (reason !== null) {
      throw new SluiceError('ERR_FLASH_READ_ONLY', `${label} cannot be written: ${reason}`);
    }
    const misshapen = this.#write ? whyMisshapen(this.#entry) : null;
    if (misshapen !== null) {
      throw new SluiceError('ERR_FLASH_GEOMETRY', `${label} cannot be written: ${misshapen}`);
    }
    this.#mtd ??= await this.#open();
    return this.#mtd;
  }
}

function lacksErase(thrown: unknown): boolean {
  const { errno } = thrown as { errno?: unknown };
  return NO_ERASE.has(errnoOf(thrown) ?? '') || errno === KERNEL_ENOTSUPP;
}
