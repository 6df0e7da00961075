import type { TrustPolicy } from '../../trust/trust.js';

/**
 * State of one partition's commit gate. The first erase block, if it must change, is held in memory and
 * written last.
 *
 * Under `before-erase` every block is proven, so the old first block may stay until then: a cut leaves the
 * old head or the new one. Under the other policies unproven blocks are written behind it, so it must be
 * erased before the first of them is, or a sender could keep the old head and have his blocks boot behind it.
 */
export class CommitGate {
  readonly #shuts: boolean;
  #held: Uint8Array | null = null;
  #shut = false;

  constructor(policy: TrustPolicy) {
    this.#shuts = policy !== 'before-erase';
  }

  /** Whether the gate block is erased and must stay so until commit. */
  get isShut(): boolean {
    return this.#shut;
  }

  /** The block that is to be written at commit; null when the one in flash is right. */
  get held(): Uint8Array | null {
    return this.#held;
  }

  /** Keeps the first block: `bytes` is a whole erase block and is taken over, not copied. */
  hold(bytes: Uint8Array): void {
    this.#held = bytes;
  }

  /** Whether the gate block must be erased now, before another block of the partition changes. */
  get mustShut(): boolean {
    return this.#shuts && !this.#shut;
  }

  /** Says that the gate block was erased. */
  shut(): void {
    this.#shut = true;
  }

  /** Forgets the held block once it is in flash. */
  opened(): void {
    this.#held = null;
    this.#shut = false;
  }
}
