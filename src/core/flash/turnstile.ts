import { SluiceError } from '../errors.js';
import type { OperationOptions } from './device.js';

/** Lets one operation at a time through to a device, as its contract asks, and none after it was closed. */
export class Turnstile {
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
   * @throws SluiceError ERR_FLASH_CLOSED, ERR_FLASH_OVERLAP, ERR_SESSION_INTERRUPTED: then it was not begun
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
      this.#refuse('ERR_SESSION_INTERRUPTED', `stopped before ${what}`);
    }
    this.#running = what;
    try {
      return await operation();
    } finally {
      this.#running = null;
      this.#idle?.();
    }
  }

  /** Refuses what comes from now on, waits for the running operation and then runs `shut`; once, however often. */
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
