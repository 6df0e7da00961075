import { DeviceWrapper } from './device-wrapper.js';

/** A device that can be held: its operations wait until they are let go. */
export class HeldDevice extends DeviceWrapper {
  /** Operations that have begun and not ended. */
  running = 0;
  /** Operations that have ever begun. */
  begun = 0;
  #held: Promise<void> = Promise.resolve();
  #letGo: () => void = () => {};

  hold(): void {
    this.#held = new Promise((resolve) => {
      this.#letGo = resolve;
    });
  }

  letGo(): void {
    this.#letGo();
    this.#held = Promise.resolve();
  }

  override async read(...args: Parameters<DeviceWrapper['read']>): Promise<void> {
    await this.#wait(() => super.read(...args));
  }

  override async erase(...args: Parameters<DeviceWrapper['erase']>): Promise<void> {
    await this.#wait(() => super.erase(...args));
  }

  override async program(...args: Parameters<DeviceWrapper['program']>): Promise<void> {
    await this.#wait(() => super.program(...args));
  }

  override async isBad(block: number): ReturnType<DeviceWrapper['isBad']> {
    return this.#wait(() => super.isBad(block));
  }

  async #wait<T>(operation: () => Promise<T>): Promise<T> {
    this.running++;
    this.begun++;
    try {
      await this.#held;
      return await operation();
    } finally {
      this.running--;
    }
  }
}

/** Lets everything run that can run. */
export const settle = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));
