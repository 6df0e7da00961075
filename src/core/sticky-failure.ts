import { SluiceError, asSluiceError } from './errors.js';

/**
 * Runs the steps of one trust object: one at a time, none after a failure but to repeat that failure, none
 * after the end. So a caller that swallows an error cannot get a better answer by asking again.
 */
export class StickyFailure {
  #failure: SluiceError | null = null;
  #busy = false;
  #ended = false;

  /** Whether a step has failed. */
  get failed(): boolean {
    return this.#failure !== null;
  }

  /** Runs one step; `last` ends the object when the step succeeds. */
  async run<T>(step: () => Promise<T>, last = false): Promise<T> {
    this.check();
    if (this.#busy)
      throw this.#fail(new SluiceError('ERR_SESSION_STATE', 'Two members were checked at once.'));
    this.#busy = true;
    let result: T;
    try {
      result = await step();
    } catch (thrown) {
      throw this.#fail(thrown);
    } finally {
      this.#busy = false;
    }
    // A second call that came in between has failed, and this one with it.
    if (this.#failure !== null) throw this.#failure;
    this.#ended = last;
    return result;
  }

  /** Throws the first failure, if there was one. */
  check(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#ended) {
      throw this.#fail(new SluiceError('ERR_SESSION_STATE', 'A member came after the end of the bundle.'));
    }
  }

  #fail(thrown: unknown): SluiceError {
    this.#failure ??= asSluiceError(thrown);
    return this.#failure;
  }
}
