import { SluiceError, asSluiceError } from './errors.js';

/**
 * Runs the steps of one object: one at a time, none after its end. After a failure every call throws that failure, so
 * that a caller that swallows an error cannot get a better answer by asking again.
 */
export class StickyFailure {
  #failure: SluiceError | null = null;
  #busy = false;
  #ended = false;

  /** Whether a step has failed. */
  get failed(): boolean {
    return this.#failure !== null;
  }

  /** Runs one step; `last` ends the object if the step succeeds. */
  async run<T>(step: () => Promise<T>, last = false): Promise<T> {
    this.check();
    if (this.#busy)
      throw this.fail(new SluiceError('ERR_SESSION_STATE', 'a call came while another was running'));
    this.#busy = true;
    let result: T;
    try {
      result = await step();
    } catch (thrown) {
      throw this.fail(thrown);
    } finally {
      this.#busy = false;
    }
    // A second call that came meanwhile has failed, and this one fails with it.
    if (this.#failure !== null) throw this.#failure;
    this.#ended = last;
    return result;
  }

  /** Runs one step that does not wait. */
  runSync<T>(step: () => T): T {
    this.check();
    try {
      return step();
    } catch (thrown) {
      throw this.fail(thrown);
    }
  }

  /** Throws the first failure, if there was one. */
  check(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#ended) {
      throw this.fail(new SluiceError('ERR_SESSION_STATE', 'a call came after the end'));
    }
  }

  /** Records a failure, unless there is one; returns the first. */
  fail(thrown: unknown): SluiceError {
    this.#failure ??= asSluiceError(thrown);
    return this.#failure;
  }
}
