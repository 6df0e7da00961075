import { SluiceError } from '../errors.js';
import type { OperationOptions } from './device.js';

/** Runs one operation of a device at a time, as the contract requires, and none after `close`. */
export class OperationLock {
  readonly #name: string;
  #running: string | null = null;
  #idle: (() => void) | undefined;
  #closing: Promise<void> | undefined;

  /** @param name - of the device, for messages */
  constructor(name: string) {
    this.#name = name;
  }

  /**
   * Runs one operation, from this call until its promise settles.
   * @throws SluiceError ERR_FLASH_CLOSED, ERR_FLASH_OVERLAP, ERR_SESSION_INTERRUPTED, before the operation starts
   */
  async run<T>(
    what: string,
    options: OperationOptions | undefined,
    operation: () => T | Promise<T>,
  ): Promise<T> {
    if (this.#closing !== undefined) this.#refuse('ERR_FLASH_CLOSED', `${what} after close`);
    if (this.#running !== null)
      this.#refuse('ERR_FLASH_OVERLAP', `${what} while ${this.#running} is running`);
    if (options?.signal?.aborted === true) {
      this.#refuse('ERR_SESSION_INTERRUPTED', `interrupted before ${what}`);
    }
    this.#running = what;
    try {
      return await operation();
    } finally {
      this.#running = null;
      this.#idle?.();
    }
  }

  /** Refuses further operations, waits for the running one, then runs `shut`. Idempotent. */
  close(shut: () => void | Promise<void>): Promise<void> {
    this.#closing ??= this.#shut(shut);
    return this.#closing;
  }

  async #shut(shut: () => void | Promise<void>): Promise<void> {
    if (this.#running !== null) {
      await new Promise<void>((resolve) => {
        this.#idle = resolve;
      });
    }
    await shut();
  }

  #refuse(code: 'ERR_FLASH_CLOSED' | 'ERR_FLASH_OVERLAP' | 'ERR_SESSION_INTERRUPTED', what: string): never {
    throw new SluiceError(code, `${this.#name}: ${what}`);
  }
}
